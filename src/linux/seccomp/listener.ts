/**
 * Handing a filter's listener (seccomp_unotify(2)) to the process that decides about the calls with SCMP_ACT_NOTIFY:
 * config-linux.md, "The Container Process State".
 */
import { OCI_VERSION, type State } from "../../../runtime-spec/state.ts";
import { SyscallError } from "../../kernel/call.ts";
import { close, connect, fcntl, pidfdGetfd, pidfdOpen, sendmsg, socket } from "../../kernel/calls.ts";
import { AF_UNIX, SOCK_STREAM } from "../../kernel/constants.ts";
import { errnoName, errnoText } from "../../kernel/errno.ts";
import { writeAll } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import {
  F_SETFL,
  MSG_NOSIGNAL,
  messageWithDescriptor,
  SOCK_NONBLOCK,
  SUN_PATH_SIZE,
  sockaddrUn,
} from "../../kernel/seccomp.ts";
import { fail } from "../config-error.ts";
import type { Listener } from "./filter.ts";

const WHERE = "linux.seccomp.listenerPath";
const encoder = new TextEncoder();

/** A process that has loaded its filter, and its number for the listener. */
export interface Listened {
  readonly pid: number;
  readonly fd: number;
}

/**
 * Sends the listener of a process, and the state of its container, to `linux.seccomp.listenerPath`.
 * @throws ConfigError when nobody takes it
 */
export function handOver({ path, metadata }: Listener, { pid, fd }: Listened, state: State): void {
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

function fetchDescriptor(pid: number, fd: number): number {
  const pidfd = here(pidfdOpen(pid));
  try {
    return here(pidfdGetfd(pidfd, fd));
  } finally {
    here(close(pidfd));
  }
}

function send(path: string, text: Uint8Array, descriptor: number): void {
  const name = encoder.encode(path);
  if (name.byteLength >= SUN_PATH_SIZE)
    fail(WHERE, `is longer than the ${SUN_PATH_SIZE - 1} bytes of a socket's path`);
  // Non-blocking while it connects: a listener that accepts nobody must not hold up the container for ever.
  const connection = here(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK));
  try {
    here(connect(connection, sockaddrUn(name)));
    here(fcntl(connection, F_SETFL, 0));
    const sent = here(sendmsg(connection, messageWithDescriptor(text, descriptor), MSG_NOSIGNAL));
    writeAll(connection, text.subarray(sent));
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const { call, errno } = error;
    fail(
      WHERE,
      `cannot hand the listener to ${path}: ${call.name}: ${errnoName(errno)} (${errnoText(errno)}); does a seccomp agent listen there?`,
    );
  } finally {
    attempt(close(connection));
  }
}
