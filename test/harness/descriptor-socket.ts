import { dlopen, FFIType, ptr } from "bun:ffi";
import { closeSync, readSync, writeSync } from "node:fs";
import { freshDirectory } from "./environment.ts";
import { waitUntil } from "./wait.ts";

const { i32, u64, ptr: pointer } = FFIType;
const libc = dlopen("libc.so.6", {
  socket: { args: [i32, i32, i32], returns: i32 },
  bind: { args: [i32, pointer, i32], returns: i32 },
  listen: { args: [i32, i32], returns: i32 },
  accept4: { args: [i32, pointer, pointer, i32], returns: i32 },
  recvmsg: { args: [i32, pointer, i32], returns: u64 },
  fcntl: { args: [i32, i32, u64], returns: i32 },
}).symbols;

// sys/socket.h, fcntl.h
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const O_CLOEXEC = 0x80000;
const O_NONBLOCK = 0x800;
const F_SETFL = 4;

/** A descriptor that came through a socket, and the text with it. */
interface Received {
  readonly text: string;
  readonly fd: number;
}

/** A unix socket that takes descriptors, as conmon or containerd's shim has one for a container's terminal. */
export class DescriptorSocket implements Disposable {
  readonly path: string;
  private readonly fd: number;

  /** `name` is the socket's in a fresh directory. */
  constructor(name = "socket") {
    const directory = freshDirectory("socket");
    this.path = `${directory}/${name}`;
    this.fd = libc.socket(AF_UNIX, SOCK_STREAM | O_CLOEXEC, 0);
    const before = process.cwd();
    process.chdir(directory); // bind(2) takes no path of more than 107 bytes
    const address = new Uint8Array(110);
    address[0] = AF_UNIX;
    new TextEncoder().encodeInto(name, address.subarray(2));
    const bound = libc.bind(this.fd, ptr(address), address.byteLength);
    process.chdir(before);
    if (bound !== 0 || libc.listen(this.fd, 8) !== 0) throw new Error(`cannot listen at ${this.path}`);
  }

  /** Takes what a call of the runtime has sent. Throws when that isn't exactly one descriptor. */
  receive(): Received {
    libc.fcntl(this.fd, F_SETFL, BigInt(O_NONBLOCK)); // a runtime that has not connected must not hold us up
    const connection = libc.accept4(this.fd, null, null, O_CLOEXEC);
    if (connection < 0) throw new Error("nobody has connected");
    try {
      return receiveMessage(connection);
    } finally {
      closeSync(connection);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}

/** recvmsg(2), with room for two descriptors. */
function receiveMessage(connection: number): Received {
  const text = new Uint8Array(4096);
  const part = new BigUint64Array([BigInt(ptr(text)), BigInt(text.byteLength)]);
  const control = new DataView(new ArrayBuffer(24 + 8));
  const header = new BigUint64Array(7); // name, namelen, iov, iovlen, control, controllen, flags
  header.set([BigInt(ptr(part)), 1n, BigInt(ptr(control)), BigInt(control.byteLength)], 2);
  const count = Number(libc.recvmsg(connection, ptr(header), 0));
  const length = Number(control.getBigUint64(0, true));
  if (length !== 20) throw new Error(`came with ${length} bytes of control data, not with one descriptor`);
  return { text: new TextDecoder().decode(text.subarray(0, count)), fd: control.getInt32(16, true) };
}

/** The master of a terminal: what somebody types, and sees. */
export class Master implements Disposable {
  readonly fd: number;
  private text = "";
  private readonly decoder = new TextDecoder();

  constructor({ fd }: Received) {
    this.fd = fd;
    libc.fcntl(fd, F_SETFL, BigInt(O_NONBLOCK));
  }

  type(keys: string): void {
    writeSync(this.fd, keys);
  }

  /** All that was printed so far. */
  printed(): string {
    const bytes = new Uint8Array(4096);
    try {
      for (;;) {
        const count = readSync(this.fd, bytes);
        if (count === 0) return this.text;
        this.text += this.decoder.decode(bytes.subarray(0, count), { stream: true });
      }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException; // readSync throws nothing else
      if (code === "EAGAIN" || code === "EIO") return this.text;
      throw error;
    }
  }

  /** Whether nobody has the terminal open any more. */
  isHungUp(): boolean {
    this.printed();
    try {
      readSync(this.fd, new Uint8Array(1));
      return false;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException; // as above
      return code === "EIO";
    }
  }

  async until(text: string): Promise<void> {
    await waitUntil(() => this.printed().includes(text), `${text} is printed`);
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}
