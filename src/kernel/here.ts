import { type Call, SyscallError } from "./call.ts";
import { ERRNO } from "./errno.ts";
import { addressOf, lastErrno, rawSyscall } from "./ffi.ts";
import { syscallNumber } from "./syscall-numbers.ts";

const encoder = new TextEncoder();

/** Memory for the C strings of one call; JavaScriptCore does not move it. */
const scratch = new Uint8Array(16384);
const scratchAddress = addressOf(scratch);
let used = 0;
/** Arrays of strings, and strings too long for the scratch memory, kept alive until the next call. */
let long: Uint8Array[] = [];

function cString(text: string): number {
  if (used + text.length * 3 + 1 > scratch.byteLength) {
    const own = encoder.encode(`${text}\0`);
    long.push(own);
    return addressOf(own);
  }
  const at = used;
  const { written } = encoder.encodeInto(text, scratch.subarray(at));
  scratch[at + written] = 0;
  used = at + written + 1;
  return scratchAddress + at;
}

function cStrings(texts: readonly string[]): number {
  const addresses = new BigUint64Array(texts.length + 1); // the last is NULL
  for (const [index, text] of texts.entries()) addresses[index] = BigInt(cString(text));
  const bytes = new Uint8Array(addresses.buffer);
  long.push(bytes);
  return addressOf(bytes);
}

function word(args: Call["args"], index: number): number | bigint {
  const argument = args[index];
  if (typeof argument === "number" || typeof argument === "bigint") return argument;
  if (typeof argument === "string") return cString(argument);
  if (argument === undefined) return 0;
  if (argument instanceof Uint8Array) return addressOf(argument);
  if ("texts" in argument) return cStrings(argument.texts);
  throw new Error("results of steps and room for answers exist only inside a program");
}

/** Stands between this process and the kernel: performs a call, or returns what it would have returned. */
type Watcher = (call: Call, perform: (call: Call) => number) => number;

let watcher: Watcher | null = null;

/** Sets the watcher of this process's calls, for printing them; returns the one before. */
export function watch(next: Watcher | null): Watcher | null {
  const before = watcher;
  watcher = next;
  return before;
}

let owner = "";

/** Does something for a property of config.json, which a watcher can ask for. */
export function onBehalfOf<T>(property: string, act: () => T): T {
  const before = owner;
  owner = property;
  try {
    return act();
  } finally {
    owner = before;
  }
}

/** The property for which this process acts now; empty when there is none. */
export const actsFor = (): string => owner;

/** Performs a system call in this process. Returns its result, or the negative errno. */
export const attempt = (call: Call): number => (watcher === null ? perform(call) : watcher(call, perform));

function perform(call: Call): number {
  if (call.name === "compare" || call.name === "move" || call.name === "foreground")
    throw new Error(`${call.name} is a step of a program, not a system call`);
  used = 0;
  if (long.length > 0) long = [];
  const { args } = call;
  const result = Number(
    rawSyscall(
      syscallNumber(call.name),
      word(args, 0),
      word(args, 1),
      word(args, 2),
      word(args, 3),
      word(args, 4),
      word(args, 5),
    ),
  );
  return result === -1 ? -lastErrno() : result;
}

/**
 * Performs a system call in this process and returns its result.
 * A call that a signal interrupted (EINTR) is made again.
 * @throws SyscallError
 */
export function here(call: Call): number {
  for (;;) {
    const result = attempt(call);
    if (result >= 0) return result;
    if (result !== -ERRNO.EINTR) throw new SyscallError(call, -result, owner);
  }
}
