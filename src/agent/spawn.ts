import image from "../../build/agent.json";
import { SyscallError } from "../kernel/call.ts";
import { CWD, close, fcntl, memfdCreate, openat, wait4, write } from "../kernel/calls.ts";
import {
  F_ADD_SEALS,
  F_SEAL_ALL,
  F_SETFD,
  FD_CLOEXEC,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  MFD_EXEC,
  O_RDONLY,
  STREAMS,
  WNOHANG,
} from "../kernel/constants.ts";
import { ERRNO } from "../kernel/errno.ts";
import { addressOf, rawPosixSpawn } from "../kernel/ffi.ts";
import { attempt, here } from "../kernel/here.ts";
import { SPAWN_ATTRIBUTES } from "../kernel/structs.ts";

/**
 * A sealed memfd with the agent's program, opened read-only. A container cannot write to it, and it is all of tsrun
 * that a container could ever see.
 */
export function agentImage(): number {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  let writable = attempt(memfdCreate("tsrun-agent", flags | MFD_EXEC));
  // Before Linux 6.3 there is no MFD_EXEC: memfds are executable anyway.
  if (writable === -ERRNO.EINVAL) writable = here(memfdCreate("tsrun-agent", flags));
  else if (writable < 0) throw new SyscallError(memfdCreate("tsrun-agent", flags | MFD_EXEC), -writable);
  here(write(writable, Uint8Array.fromBase64(image)));
  here(fcntl(writable, F_ADD_SEALS, F_SEAL_ALL));
  // execve(2) refuses a file that is open for writing (ETXTBSY).
  const readable = here(openat(CWD, `/proc/self/fd/${writable}`, O_RDONLY));
  here(close(writable));
  return readable;
}

let kept: number | null = null;

/** One for all agents of a process that starts many. It stays open. */
export function keptImage(): number {
  kept ??= agentImage();
  return kept;
}

const encoder = new TextEncoder();

/** Offsets in the memory that posix_spawn(3) is given. */
const PID = 0;
const ENVP = 8; // one NULL: the agent's environment is empty
const ATTRIBUTES = 16;
const ARGV = ATTRIBUTES + SPAWN_ATTRIBUTES.size;

/** Standard streams that the caller has closed: Bun has opened the null device in their place, close-on-exec. */

/**
 * Starts an agent on a mailbox file, as a child of this process. Returns its pid.
 * It inherits the standard streams and every descriptor that is not close-on-exec; all signals have their default
 * actions and none is blocked.
 * @throws SyscallError
 */
export function spawnAgent(mailboxFd: number): number {
  const program = agentImage();
  const path = `/proc/self/fd/${program}`;
  here(fcntl(mailboxFd, F_SETFD, 0));
  for (const stream of STREAMS) here(fcntl(stream, F_SETFD, 0));
  const call = spawnArguments(path, ["tsrun-agent", String(mailboxFd)]);
  const { address } = call;
  const error = rawPosixSpawn(
    address + PID,
    call.path,
    0,
    address + ATTRIBUTES,
    address + ARGV,
    address + ENVP,
  );
  // The agent is running: nothing may fail before the caller knows its pid.
  attempt(close(program));
  attempt(fcntl(mailboxFd, F_SETFD, FD_CLOEXEC));
  if (error !== 0) throw new SyscallError({ name: "execve", args: [path] }, error);
  return call.view.getInt32(PID, true);
}

/** posix_spawn's arguments in one piece of memory, which `view` keeps alive: pid, attributes, argv, strings. */
function spawnArguments(path: string, argv: readonly [string, string]) {
  let at = ARGV + 3 * 8;
  const buffer = new ArrayBuffer(at + argv[0].length + argv[1].length + path.length + 3);
  const memory = new Uint8Array(buffer);
  const view = new DataView(buffer);
  // Bun ignores SIGPIPE and SIGXFSZ, and the caller may ignore more; ignored signals stay so across execve(2).
  const { flags, defaults, resetSignals } = SPAWN_ATTRIBUTES;
  view.setUint16(ATTRIBUTES + flags, resetSignals, true);
  memory.fill(0xff, ATTRIBUTES + defaults, ATTRIBUTES + defaults + 8);
  const address = addressOf(memory);
  const place = (text: string) => {
    encoder.encodeInto(text, memory.subarray(at));
    at += text.length + 1;
    return address + at - text.length - 1;
  };
  for (let index = 0; index < argv.length; index++) {
    const start = place(argv[index] ?? "");
    view.setUint32(ARGV + index * 8, start % 2 ** 32, true);
    view.setUint32(ARGV + index * 8 + 4, Math.floor(start / 2 ** 32), true);
  }
  return { address, view, path: place(path) };
}

/** Takes an ended child's status: null while it runs (with `wait` false). */
export function reap(pid: number, wait: boolean): number | null {
  const status = new Uint8Array(4);
  const result = here(wait4(pid, status, wait ? 0 : WNOHANG));
  return result === 0 ? null : new DataView(status.buffer).getInt32(0, true);
}
