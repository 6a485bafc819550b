/** A command line that cannot be understood. `message` is one line; `hint` may be printed below it. */
import type { Globals } from "./table.ts";

export { nearest } from "../../../runtime-spec/nearest.ts";

export class UsageError extends Error {
  override readonly name = "UsageError";
  /** The exit status, runc's. */
  readonly status = 1;
  readonly hint: string;
  /** The global flags as far as they were read: `--log` wants to hear of the error too. */
  readonly globals: Globals;

  constructor(message: string, hint: string, globals: Globals) {
    super(message);
    this.hint = hint;
    this.globals = globals;
  }
}
