import { ERRNO, errnoWords } from "./errno.ts";
import type { SyscallName } from "./syscall-numbers.ts";
import { UserError } from "./user-error.ts";

/** The result of an earlier step of the same program, used as an argument of a later one. */
export interface StepResult {
  readonly step: number;
}

/** Memory of an agent that the kernel fills: this many bytes are set aside in its mailbox. */
export interface Room {
  readonly room: number;
}

/** A NULL-terminated array of C strings (argv, envp); of execve(2). */
interface Texts {
  readonly texts: readonly string[];
}

/** What a system call argument can be: a number, C strings, memory, a step's result, or room for an answer. */
export type Argument = number | bigint | string | Uint8Array | StepResult | Room | Texts;

/** A file descriptor: of this process, or one that an earlier step of the program will have opened. */
export type Fd = number | StepResult;

/** Steps that the agent performs itself: a condition, its move to another mailbox, serving a child in the foreground. */
export type PseudoCall = "compare" | "move" | "foreground";

/**
 * One system call as data. `here` performs it in this process; a program queues it for an agent.
 * A `Uint8Array` argument is memory of the call; in this process the kernel may write to it.
 */
export interface Call {
  readonly name: SyscallName | PseudoCall;
  readonly args: readonly Argument[];
}

/** Whichever call it is. */
const TOO_MANY = "; raise the caller's limit of open files (ulimit -n)";

/**
 * A system call that failed, with its errno. What the kernel refuses depends on the config, the machine and the
 * caller's rights, so this is a UserError, and shown as it is unless a better place is known.
 */
export class SyscallError extends UserError {
  readonly call: Call;
  readonly errno: number;
  /** What else is known about the failure: the end of the message. */
  protected readonly known: string;

  constructor(call: Call, errno: number, place = "", given = "") {
    const known = given === "" && errno === ERRNO.EMFILE ? TOO_MANY : given;
    super(place, `${describe(call)}: ${errnoWords(errno)}${known}`);
    this.call = call;
    this.errno = errno;
    this.known = known;
  }
}

/** `openat "proc/sys"`: the call's name and the paths and names among its arguments. */
function describe(call: Call): string {
  const words = call.args.filter((argument) => typeof argument === "string" && argument !== "");
  return [call.name, ...words.map((word) => JSON.stringify(word))].join(" ");
}
