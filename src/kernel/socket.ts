/**
 * Descriptors that go from process to process: fetched with pidfd_getfd(2), or sent over a unix(7) socket with
 * SCM_RIGHTS (sendmsg(2), cmsg(3)).
 */
import { SyscallError } from "./call.ts";
import {
  bind,
  CWD,
  close,
  connect,
  fcntl,
  getsockopt,
  openat,
  pidfdGetfd,
  pidfdOpen,
  recvmsg,
  sendmsg,
  socket,
  socketpair,
} from "./calls.ts";
import { AF_UNIX, F_SETFL, O_PATH, SOCK_DGRAM, SOCK_SEQPACKET, SOCK_STREAM } from "./constants.ts";
import { ERRNO } from "./errno.ts";
import { addressOf } from "./ffi.ts";
import { isErrno, writeAll } from "./files.ts";
import { attempt, here } from "./here.ts";

const SUN_PATH_SIZE = 108;
const SOCK_NONBLOCK = 0x800;
export const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x4000_0000;

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_PEERPIDFD = 77;
const SCM_RIGHTS = 1;
const MSGHDR = { iov: 16, iovlen: 24, control: 32, controllen: 40, size: 56 } as const;
const IOVEC_SIZE = 16;
const CMSG = { len: 0, level: 8, type: 12, data: 16, size: 24 } as const;

const encoder = new TextEncoder();

/** A copy of another process's descriptor, close-on-exec. @throws SyscallError */
export function fetchDescriptor(pid: number, fd: number): number {
  const pidfd = here(pidfdOpen(pid));
  try {
    return here(pidfdGetfd(pidfd, fd));
  } finally {
    here(close(pidfd));
  }
}

/**
 * Connects to the unix stream socket at `path`, however long that is. Never blocks: EAGAIN when the listener's queue is
 * full. @throws SyscallError
 */
export function connectUnix(path: string): number {
  const name = encoder.encode(path);
  if (name.byteLength < SUN_PATH_SIZE) return connectTo(name);
  const place = here(openat(CWD, path, O_PATH));
  try {
    return connectTo(encoder.encode(`/proc/self/fd/${place}`));
  } finally {
    here(close(place));
  }
}

/** A unix datagram socket, bound to a name in a directory however long its path is. @throws SyscallError */
export function bindDatagrams(directory: number, name: string): number {
  const receiver = here(socket(AF_UNIX, SOCK_DGRAM));
  here(bind(receiver, sockaddrUn(encoder.encode(`/proc/self/fd/${directory}/${name}`))));
  return receiver;
}

/** Connects to the unix datagram socket at `path`, or of that abstract name after an "@". @throws SyscallError */
export function connectDatagrams(path: string): number {
  const name = encoder.encode(path);
  if (name.byteLength >= SUN_PATH_SIZE)
    throw new SyscallError({ name: "connect", args: [path] }, ERRNO.ENAMETOOLONG);
  const sender = here(socket(AF_UNIX, SOCK_DGRAM));
  const address = sockaddrUn(name);
  if (path.startsWith("@")) address[2] = 0;
  // Every byte of an abstract name counts.
  here(connect(sender, path.startsWith("@") ? address.subarray(0, 2 + name.byteLength) : address));
  return sender;
}

function connectTo(name: Uint8Array): number {
  const connection = here(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK));
  try {
    here(connect(connection, sockaddrUn(name)));
    here(fcntl(connection, F_SETFL, 0));
    return connection;
  } catch (error) {
    here(close(connection));
    throw error;
  }
}

/**
 * Who has connected to a unix socket, or listens there, as it was then; its pid is 0 when it is in no pid namespace that we
 * see. @throws SyscallError
 */
export function peerCredentials(connection: number): { readonly pid: number; readonly uid: number } {
  const credentials = new Uint32Array(3); // struct ucred: pid, uid, gid
  const length = Uint32Array.of(credentials.byteLength);
  const [value, room] = [new Uint8Array(credentials.buffer), new Uint8Array(length.buffer)];
  here(getsockopt(connection, SOL_SOCKET, SO_PEERCRED, value, room));
  const [pid = 0, uid = -1] = credentials;
  return { pid, uid };
}

/**
 * A pidfd of who has connected to a unix socket; null when it has ended. Before Linux 6.5 its pid is all that is known:
 * then another process may have that since. @throws SyscallError
 */
export function peerProcess(connection: number): number | null {
  const [value, length] = [new Int32Array(1), Uint32Array.of(4)];
  const into = new Uint8Array(value.buffer);
  const result = attempt(
    getsockopt(connection, SOL_SOCKET, SO_PEERPIDFD, into, new Uint8Array(length.buffer)),
  );
  if (result >= 0) return value[0] ?? null;
  const fd = attempt(pidfdOpen(peerCredentials(connection).pid));
  return fd < 0 ? null : fd;
}

/** Sends `text` with a descriptor, which comes with its first byte. @throws SyscallError */
export function sendDescriptor(connection: number, text: Uint8Array, descriptor: number): void {
  const sent = here(sendmsg(connection, messageWithDescriptor(text, descriptor), MSG_NOSIGNAL));
  if (sent < text.byteLength) writeAll(connection, text.subarray(sent));
}

/** Two connected unix sockets that keep messages apart (SOCK_SEQPACKET). @throws SyscallError */
export function seqpacketPair(): readonly [number, number] {
  const ends = new Int32Array(2);
  here(socketpair(AF_UNIX, SOCK_SEQPACKET, new Uint8Array(ends.buffer)));
  const [one = -1, other = -1] = ends;
  return [one, other];
}

/** Takes, or waits for, a message of at most `most` bytes and a descriptor; an empty one when the other end is closed. */
export function receiveWithDescriptor(connection: number, most: number) {
  const memory = messageWithDescriptor(new Uint8Array(most), -1);
  const control = MSGHDR.size + IOVEC_SIZE;
  const count = received(connection, memory);
  const view = new DataView(memory.buffer);
  const came = view.getBigUint64(MSGHDR.controllen, true) > 0n;
  return {
    bytes: memory.slice(control + CMSG.size, control + CMSG.size + count),
    descriptor: came ? view.getInt32(control + CMSG.data, true) : null,
  };
}

/** 0 when the other end is closed, even if it left something unread (ECONNRESET). */
function received(connection: number, message: Uint8Array): number {
  try {
    return here(recvmsg(connection, message, MSG_CMSG_CLOEXEC));
  } catch (error) {
    if (isErrno(error, ERRNO.ECONNRESET)) return 0;
    throw error;
  }
}

/** `struct sockaddr_un`; the path takes less than SUN_PATH_SIZE bytes. */
function sockaddrUn(path: Uint8Array): Uint8Array {
  const address = new Uint8Array(2 + SUN_PATH_SIZE);
  address[0] = AF_UNIX;
  address.set(path, 2);
  return address;
}

/** `struct msghdr` of a message with one descriptor; what it points to lies behind it in the same memory. */
function messageWithDescriptor(text: Uint8Array, descriptor: number): Uint8Array {
  const control = MSGHDR.size + IOVEC_SIZE;
  const data = control + CMSG.size;
  const memory = new Uint8Array(new ArrayBuffer(data + text.byteLength));
  const view = new DataView(memory.buffer);
  const address = addressOf(memory);
  const setWord = (at: number, value: number) => view.setBigUint64(at, BigInt(value), true);
  setWord(MSGHDR.iov, address + MSGHDR.size);
  setWord(MSGHDR.iovlen, 1);
  setWord(MSGHDR.control, address + control);
  setWord(MSGHDR.controllen, CMSG.size);
  setWord(MSGHDR.size, address + data);
  setWord(MSGHDR.size + 8, text.byteLength);
  setWord(control + CMSG.len, CMSG.data + 4);
  view.setInt32(control + CMSG.level, SOL_SOCKET, true);
  view.setInt32(control + CMSG.type, SCM_RIGHTS, true);
  view.setInt32(control + CMSG.data, descriptor, true);
  memory.set(text, data);
  return memory;
}
