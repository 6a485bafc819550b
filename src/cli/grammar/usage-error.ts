import { UserError } from "../../kernel/user-error.ts";
import type { CommandName, Globals } from "./table.ts";

export { nearest } from "../../../runtime-spec/nearest.ts";

/** A command line that cannot be understood. `hint` is printed below it. */
export class UsageError extends UserError {
  readonly hint: string;
  /** The global flags that were read before the error: `--log` gets the error too. */
  readonly globals: Globals;

  /** Without a command, something in front of it is wrong. */
  constructor(command: CommandName | undefined, problem: string, globals: Globals) {
    super(command ?? "", problem);
    this.hint = `Say \`tsrun ${command === undefined ? "" : `${command} `}--help\` for more.`;
    this.globals = globals;
  }
}
