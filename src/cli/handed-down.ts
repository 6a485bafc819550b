import type { Caller } from "../agent/caller.ts";
import type { Bundle } from "../container/bundle.ts";
import type { StateDirectory } from "../container/state/store.ts";

/** What the caller hands down to a container besides its bundle. */
interface HandedDown {
  readonly bundle: Bundle;
  /** Descriptors after the standard streams. */
  readonly descriptors: number;
  /** Those of them that the caller has not opened. */
  readonly gaps: readonly number[];
  readonly prepare: ((directory: StateDirectory) => void) | undefined;
}

/**
 * Looks for sockets to listen on ($LISTEN_FDS), a $NOTIFY_SOCKET and descriptors to preserve; `state` is the
 * container's state directory. The code for each is loaded only when needed. @throws UserError
 */
export async function handedDown(
  caller: Caller,
  bundle: Bundle,
  state: string,
  preserved: number,
): Promise<HandedDown> {
  const { LISTEN_FDS = "", NOTIFY_SOCKET = "" } = caller.env;
  const none = { bundle, descriptors: 0, gaps: [], prepare: undefined };
  if (LISTEN_FDS === "" && NOTIFY_SOCKET === "" && preserved === 0) return none;
  const listened = await withListeningSockets(caller, bundle, preserved);
  if (NOTIFY_SOCKET === "") return listened;
  const { withNotifySocket } = await import("../container/foreground/notify-socket.ts");
  return { ...listened, ...withNotifySocket(caller, listened.bundle, state) };
}

async function withListeningSockets(
  { env: { LISTEN_FDS, LISTEN_PID } }: Caller,
  bundle: Bundle,
  preserved: number,
): Promise<HandedDown> {
  const { listeningSockets, passDescriptors, withVariables } = await import(
    "../container/caller/caller-descriptors.ts"
  );
  const sockets = listeningSockets({ LISTEN_FDS, LISTEN_PID });
  passDescriptors(sockets, "$LISTEN_FDS");
  const gaps = passDescriptors(sockets + preserved, "--preserve-fds");
  if (sockets === 0) return { bundle, descriptors: preserved, gaps, prepare: undefined };
  const env = withVariables(bundle.process.env ?? [], [`LISTEN_FDS=${sockets}`, "LISTEN_PID=1"]);
  return {
    bundle: { ...bundle, process: { ...bundle.process, env } },
    descriptors: sockets + preserved,
    gaps,
    prepare: undefined,
  };
}

/**
 * Passes this many of the caller's descriptors to an `exec`ed process; returns those that are not open. @throws
 * UserError
 */
export async function preserve(descriptors: number): Promise<readonly number[]> {
  const { passDescriptors } = await import("../container/caller/caller-descriptors.ts");
  return passDescriptors(descriptors, "--preserve-fds");
}
