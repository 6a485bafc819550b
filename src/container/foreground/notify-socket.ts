/**
 * Readiness of a container that is a systemd service (sd_notify(3)).
 *
 *     systemd ◀── NOTIFY_SOCKET ── tsrun ◀── ROOT/ID/notify/…/notify.sock, in the container /run/notify/notify.sock
 *
 * The container can't talk to systemd itself, which knows its processes by other pids; and it should not, since that
 * socket allows more than telling readiness. So tsrun listens until the container says READY=1, and passes on only that
 * line and the pid to watch from now on, as runc does. Only the container's root may reach the socket: any other user
 * of the host could declare the container ready, and the path is no secret, since everybody may read the mount table of
 * a process. Where that root's uid is unknown, in a user namespace that is joined without its mappings, a name that
 * can't be guessed must suffice.
 *
 * Loaded only when the caller has a NOTIFY_SOCKET.
 */

import type { Config } from "../../../runtime-spec/config.ts";
import type { Caller } from "../../agent/caller.ts";
import { SyscallError } from "../../kernel/call.ts";
import { close, fchownat, openat2, pipe2, read, SAME_GROUP, umask, write } from "../../kernel/calls.ts";
import { O_CLOEXEC, O_DIRECTORY, O_PATH, POLLIN, RESOLVE_NO_SYMLINKS } from "../../kernel/constants.ts";
import { makeDirectory, removeFile } from "../../kernel/files.ts";
import { here } from "../../kernel/here.ts";
import { listDirectory } from "../../kernel/list-directory.ts";
import { PollSet } from "../../kernel/poll.ts";
import { bindDatagrams, connectDatagrams, sendDescriptor } from "../../kernel/socket.ts";
import { NEVER_STILL, readable, until } from "../../kernel/wait.ts";
import type { Bundle } from "../bundle.ts";
import { withVariables } from "../caller/caller-descriptors.ts";
import { isAlive } from "../state/process-info.ts";
import type { SavedInit } from "../state/saved.ts";
import type { StateDirectory } from "../state/state-directory.ts";

/** In the state directory; in it is the directory that is mounted. */
const NOTIFY_DIRECTORY = "notify";
const SOCKET = "notify.sock";
const INSIDE = "/run/notify";
const OPTIONS = ["bind", "nosuid", "noexec", "nodev", "ro"];

/** How many messages are read before the other work of this process goes on. */
const MOST_AT_ONCE = 16;
/** How long systemd may take to acknowledge, in milliseconds. */
const BARRIER_PATIENCE = 30_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** A bundle, and a function that makes the directory which it mounts. */
interface WithSocket {
  readonly bundle: Bundle;
  readonly prepare: (directory: StateDirectory) => void;
}

/**
 * The bundle with a mount for the socket's directory, which is in the state directory; unchanged if the container
 * shares its mounts with others. `start` makes the socket.
 */
export function withNotifySocket(caller: Caller, bundle: Bundle, state: string): WithSocket {
  const name = `${NOTIFY_DIRECTORY}/${crypto.randomUUID()}`;
  const owner = rootOnHost(bundle.config);
  const prepare = ({ fd }: StateDirectory) => {
    makeDirectory(NOTIFY_DIRECTORY, owner === null ? 0o711 : 0o700, fd);
    makeDirectory(name, 0o755, fd);
    if (owner !== null && caller.uid === 0) here(fchownat(fd, NOTIFY_DIRECTORY, owner, SAME_GROUP, 0));
  };
  return { bundle: withMount(bundle, `${state}/${name}`), prepare };
}

/** The uid that the container's root has on the host; null when config.json doesn't tell. */
function rootOnHost({ linux: { namespaces = [], uidMappings = [] } = {} }: Config): number | null {
  if (!namespaces.some(({ type }) => type === "user")) return 0;
  return uidMappings.find(({ containerID }) => containerID === 0)?.hostID ?? null;
}

function withMount(bundle: Bundle, source: string): Bundle {
  const { config, process } = bundle;
  if (!config.linux?.namespaces?.some(({ type, path = "" }) => type === "mount" && path === ""))
    return bundle;
  const mount = { destination: INSIDE, source, options: OPTIONS };
  const env = withVariables(process.env ?? [], [`NOTIFY_SOCKET=${INSIDE}/${SOCKET}`]);
  return {
    ...bundle,
    config: { ...config, mounts: [...(config.mounts ?? []), mount] },
    process: { ...process, env },
  };
}

/** Passes a container's readiness on to the caller's NOTIFY_SOCKET. */
export class Readiness {
  private readonly host: string;
  private readonly warn: (line: string) => void;
  private socket: number | null = null;

  constructor(host: string, warn: (line: string) => void) {
    this.host = host;
    this.warn = warn;
  }

  /** Listens for a container that is about to start; does nothing if it was created without a socket. */
  listen(directory: StateDirectory): void {
    const [made] = listDirectory(NOTIFY_DIRECTORY, directory.fd) ?? [];
    if (made === undefined) return;
    // The container's user may put something else in its place: no link is followed, not even to change a mode.
    const path = `${NOTIFY_DIRECTORY}/${made.name}`;
    const place = here(openat2(directory.fd, path, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS));
    removeFile(SOCKET, place);
    const mask = here(umask(0));
    try {
      this.socket = bindDatagrams(place, SOCKET);
    } finally {
      here(umask(mask));
      here(close(place));
    }
  }

  /** Waits until the container is ready, or has ended, and then makes systemd watch `mainPid`. */
  async forward(init: Pick<SavedInit, "pid" | "startTime">, mainPid: number): Promise<void> {
    if (this.socket === null) return;
    const ready = await this.readiness(this.socket, init);
    here(close(this.socket));
    this.socket = null;
    if (ready === null) return;
    try {
      await this.tellHost(ready, mainPid);
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      this.warn(`the container is ready, but NOTIFY_SOCKET=${this.host} cannot be told: ${error.message}`);
    }
  }

  private async readiness(
    socket: number,
    { pid, startTime }: Pick<SavedInit, "pid" | "startTime">,
  ): Promise<string | null> {
    let ready: string | undefined;
    const hasSaid = () => {
      const alive = isAlive(pid, startTime); // what it said last is read after its end too
      for (let left = MOST_AT_ONCE; ready === undefined && isReadable(socket); left--) {
        if (left === 0) return false;
        ready = readyLine(socket);
      }
      return ready !== undefined || !alive;
    };
    await until(hasSaid, Number.POSITIVE_INFINITY, NEVER_STILL);
    return ready ?? null;
  }

  private async tellHost(ready: string, mainPid: number): Promise<void> {
    const connection = connectDatagrams(this.host);
    try {
      for (const line of [ready, `MAINPID=${mainPid}`]) here(write(connection, encoder.encode(`${line}\n`)));
      await barrier(connection);
    } finally {
      here(close(connection));
    }
  }
}

/** The line of the next datagram that tells readiness, if there is one. */
function readyLine(socket: number): string | undefined {
  const datagram = new Uint8Array(4096);
  const text = decoder.decode(datagram.subarray(0, here(read(socket, datagram))));
  return text.split("\n").find((line) => line.startsWith("READY="));
}

/** sd_notify_barrier(3): systemd closes the descriptor once it has dealt with what was sent before. */
async function barrier(connection: number): Promise<void> {
  const ends = new Int32Array(2);
  here(pipe2(new Uint8Array(ends.buffer), O_CLOEXEC));
  const [mine = -1, theirs = -1] = ends;
  sendDescriptor(connection, encoder.encode("BARRIER=1"), theirs);
  here(close(theirs));
  await readable(mine, BARRIER_PATIENCE, NEVER_STILL);
  here(close(mine));
}

/** Whether there is something to read, or nobody left to write. */
function isReadable(fd: number): boolean {
  const set = new PollSet(1);
  set.watch(0, fd, POLLIN);
  return set.wait(0);
}
