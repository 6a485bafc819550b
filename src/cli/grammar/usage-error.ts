import { UserError } from "../../kernel/user-error.ts";
import type { CommandName, Globals } from "./table.ts";

export { nearest } from "../../../runtime-spec/nearest.ts";

interface Guess {
  readonly word?: string;
  readonly guess?: string;
  readonly suffices?: boolean;
}

/** A command line that cannot be understood. `hint` is printed below it. */
export class UsageError extends UserError {
  readonly hint: string;
  /** The global flags that were read before the error: `--log` gets the error too. */
  readonly globals: Globals;
  readonly command: CommandName | undefined;
  /** What is wrong, without a guess at what was meant. */
  readonly bare: string;
  /** The word that is not known here, the argument that is missing, or [ARG] for one too many; else empty. */
  readonly word: string;

  /**
   * Without a command, something in front of it is wrong. `guess` says what was meant by `word`, or how to write it; it
   * `suffices` where no hint is needed.
   */
  constructor(
    command: CommandName | undefined,
    bare: string,
    globals: Globals,
    { word = "", guess = "", suffices = false }: Guess = {},
  ) {
    super(command ?? "", `${bare}${guess}`);
    this.hint = suffices ? "" : `Say \`tsrun ${command === undefined ? "" : `${command} `}--help\` for more.`;
    this.globals = globals;
    this.command = command;
    this.bare = bare;
    this.word = word;
  }
}
