/** What a served caller and the server say to each other; the twin of src/entry/client.c. */
import { memoryAt } from "../kernel/ffi.ts";

/** hello: "rtserve1", the number of the caller's build, its end of the connection. */
export const HELLO = { magic: 0, build: 8, connection: 16, size: 24 } as const;
export const MAGIC = 0x3165_7672_6573_7472n;
/** A question for `tsrun serve --status`, in place of a hello. */
export const STATUS = "status\n";
/** The answer to a hello with which the mailbox file comes; any other, or the end, says no. */
export const YES = new TextEncoder().encode("y");

/** Where the socket is: of root's, or a user's; undefined for a user without a place. */
export function socketPath(
  uid: number,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const { TSRUN_SERVE: own, XDG_RUNTIME_DIR: directory } = env;
  if (own?.startsWith("/")) return own;
  if (uid === 0) return "/run/tsrun-serve.sock";
  return directory?.startsWith("/") ? `${directory}/tsrun-serve.sock` : undefined;
}

export interface Hello {
  readonly build: bigint;
  readonly connection: number;
}

/** Null for anything else. */
export function readHello(bytes: Uint8Array): Hello | null {
  if (bytes.byteLength !== HELLO.size) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (view.getBigUint64(HELLO.magic, true) !== MAGIC) return null;
  return {
    build: view.getBigUint64(HELLO.build, true),
    connection: view.getUint32(HELLO.connection, true),
  };
}

/** The number that patch.ts has given this build: right before the program's start, in memory. */
export function ownBuild(entry: number): bigint {
  const bytes = memoryAt(entry - 8, 8);
  return new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
}
