/** What a served caller and the server say to each other; the twin of src/entry/client.c. */
import { readText } from "../kernel/files.ts";

/** hello: "rtserve1", the number of the caller's build, its end of the connection, `proofOf` who listens. */
const HELLO = { magic: 0, build: 8, connection: 16, proof: 24, size: 168 } as const;
const MAGIC = 0x3165_7672_6573_7472n;
/** A question for `tsrun serve --status`, in place of a hello. */
export const STATUS = "status\n";
/** Another: why is this process, of this build, which proves this, not served? */
export const whyQuestion = (build: bigint, proof: string) => `why ${build} ${proof}\n`;
/** The first byte of what the server says; anything else, or the end, leaves the command to the caller. */
export const TAKEN = "t";
/** The same, and signals wait from now on. */
export const HELD = "h";
export const MAILBOX = "m";
const ANSWER = "a";
export const NO = "n";
/** The caller asks anew: systemd, or an earlier server, listened when it connected, and that is whom it knows. */
export const AGAIN = "g";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What the caller prints on its standard output and standard error, and the status with which it exits. */
export function answer(status: number, output: string, errors: string): Uint8Array {
  const [printed, complained] = [encoder.encode(output), encoder.encode(errors)];
  const head = new DataView(new ArrayBuffer(13));
  head.setUint8(0, ANSWER.charCodeAt(0));
  head.setInt32(1, status, true);
  head.setUint32(5, printed.byteLength, true);
  head.setUint32(9, complained.byteLength, true);
  return Buffer.concat([new Uint8Array(head.buffer), printed, complained]);
}

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
  /** What shows that the caller may trace whoever listens, and so could do all that it could. */
  readonly proof: string;
}

/** From start_data to env_end; the last one is exit_code, which a debugger changes. */
const PROVING = [-8, -1] as const;

/** Addresses of a process: fields of proc_pid_stat(5) that are 0 for who may not trace it. @throws SyscallError */
export function proofOf(pid: number | "self"): string {
  return readText(`/proc/${pid}/stat`)
    .split(" ")
    .slice(...PROVING)
    .join(" ");
}

/** Null for anything else. */
export function readHello(bytes: Uint8Array): Hello | null {
  if (bytes.byteLength !== HELLO.size) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  if (view.getBigUint64(HELLO.magic, true) !== MAGIC) return null;
  return {
    build: view.getBigUint64(HELLO.build, true),
    connection: view.getUint32(HELLO.connection, true),
    proof: decoder.decode(bytes.subarray(HELLO.proof)).replace(/ ?\0*$/, ""),
  };
}

/** Of a process that asks why it is not served: as in a hello; null for another question. */
export function readWhy(question: string): Pick<Hello, "build" | "proof"> | null {
  const [, build, proof = ""] = /^why (\d{1,20}) ([\d ]*)\n$/.exec(question) ?? [];
  return build === undefined ? null : { build: BigInt(build), proof };
}
