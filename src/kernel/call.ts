import { errnoName, errnoText } from "./errno.ts";
import type { SyscallName } from "./syscall-numbers.ts";

/** The result of an earlier step of the same program, used as an argument of a later one. */
export interface StepResult {
  readonly step: number;
}

/** Memory of an agent that the kernel fills: this many bytes are set aside in its mailbox. */
export interface Room {
  readonly room: number;
}

/** What a system call argument can be: a number, a C string, memory, a step's result, or room for an answer. */
export type Argument = number | bigint | string | Uint8Array | StepResult | Room;

/** A file descriptor: of this process, or one that an earlier step of the program will have opened. */
export type Fd = number | StepResult;

/** Steps that the agent performs itself: a condition, and its move to another mailbox. */
export type PseudoCall = "compare" | "move";

/**
 * One system call as data. `here` performs it in this process; a program queues it for an agent.
 * A `Uint8Array` argument is memory of the call; in this process the kernel may write to it.
 */
export interface Call {
  readonly name: SyscallName | PseudoCall;
  readonly args: readonly Argument[];
}

/** A system call that failed: which, with what errno, and, once somebody knows, on whose behalf. */
export class SyscallError extends Error {
  override readonly name = "SyscallError";
  readonly call: Call;
  readonly errno: number;

  constructor(call: Call, errno: number) {
    super(`${describe(call)}: ${errnoName(errno)} (${errnoText(errno)})`);
    this.call = call;
    this.errno = errno;
  }
}

/** `openat "proc/sys"`: the call's name and the paths and names among its arguments. */
function describe(call: Call): string {
  const words = call.args.filter((argument) => typeof argument === "string" && argument !== "");
  return [call.name, ...words.map((word) => JSON.stringify(word))].join(" ");
}

/** `openat(-100, "proc/sys", 524288)`: the call as strace(1) would print it, for traces. */
export function spell(call: Call): string {
  const spelled = call.args.map((argument) => {
    if (typeof argument === "string") return JSON.stringify(argument);
    if (argument instanceof Uint8Array) return `<${argument.byteLength} bytes>`;
    if (typeof argument !== "object") return String(argument);
    return "room" in argument ? `<room for ${argument.room} bytes>` : `$${argument.step}`;
  });
  return `${call.name}(${spelled.join(", ")})`;
}
