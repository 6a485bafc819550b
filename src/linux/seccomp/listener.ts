/**
 * Sending a filter's listener (seccomp_unotify(2)) to the process that decides about the calls with SCMP_ACT_NOTIFY:
 * config-linux.md, "The Container Process State".
 */
import { OCI_VERSION, type State } from "../../../runtime-spec/state.ts";
import { SyscallError } from "../../kernel/call.ts";
import { close } from "../../kernel/calls.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { here } from "../../kernel/here.ts";
import { connectUnix, fetchDescriptor, sendDescriptor } from "../../kernel/socket.ts";
import { fail } from "../../kernel/user-error.ts";
import type { Listener } from "./filter.ts";

const WHERE = "linux.seccomp.listenerPath";
const encoder = new TextEncoder();

/** A process that has loaded its filter, and its descriptor of the listener. */
interface Listened {
  readonly pid: number;
  readonly fd: number;
}

/**
 * Sends the listener of a process, and the state of its container, to `linux.seccomp.listenerPath`.
 * @throws UserError when nobody takes it
 */
export function sendListener({ path, metadata }: Listener, { pid, fd }: Listened, state: State): void {
  const processState = {
    ociVersion: OCI_VERSION,
    fds: ["seccompFd"],
    pid,
    ...(metadata === undefined ? {} : { metadata }),
    state,
  };
  const descriptor = fetchDescriptor(pid, fd);
  try {
    send(path, encoder.encode(JSON.stringify(processState)), descriptor);
  } finally {
    here(close(descriptor));
  }
}

function send(path: string, text: Uint8Array, descriptor: number): void {
  try {
    const connection = connectUnix(path);
    try {
      sendDescriptor(connection, text, descriptor);
    } finally {
      here(close(connection));
    }
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const { call, errno } = error;
    const what =
      call.name === "connect" ? "failed to connect with seccomp agent" : "cannot hand the listener to";
    const isAlone = errno === ERRNO.ECONNREFUSED || errno === ERRNO.ENOENT;
    const hint = isAlone ? "; does a seccomp agent listen there?" : "";
    fail(WHERE, `${what} ${path}: ${call.name}: ${errnoWords(errno)}${hint}`);
  }
}
