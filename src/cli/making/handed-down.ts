import type { Bundle } from "../../container/bundle.ts";
import type { StateDirectory } from "../../container/state/state-directory.ts";
import type { Session } from "../session/session.ts";

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
  session: Session,
  bundle: Bundle,
  state: string,
  preserved: number,
): Promise<HandedDown> {
  const { caller } = session;
  const { LISTEN_FDS = "", NOTIFY_SOCKET = "" } = caller.env;
  const none = { bundle, descriptors: 0, gaps: [], prepare: undefined };
  if (LISTEN_FDS === "" && NOTIFY_SOCKET === "" && preserved === 0) return none;
  const listened = await withListeningSockets(session, bundle, preserved);
  if (NOTIFY_SOCKET === "") return listened;
  const { withNotifySocket } = await import("../../container/foreground/notify-socket.ts");
  return { ...listened, ...withNotifySocket(caller, listened.bundle, state) };
}

async function withListeningSockets(
  session: Session,
  bundle: Bundle,
  preserved: number,
): Promise<HandedDown> {
  const { listeningSockets, withVariables } = await import("../../container/caller/caller-descriptors.ts");
  const sockets = listeningSockets(session.caller.env, session.pid);
  await session.preserve(sockets, "$LISTEN_FDS");
  const gaps = await session.preserve(sockets + preserved, "--preserve-fds");
  if (sockets === 0) return { bundle, descriptors: preserved, gaps, prepare: undefined };
  const env = withVariables(bundle.process.env ?? [], [`LISTEN_FDS=${sockets}`, "LISTEN_PID=1"]);
  return {
    bundle: { ...bundle, process: { ...bundle.process, env } },
    descriptors: sockets + preserved,
    gaps,
    prepare: undefined,
  };
}
