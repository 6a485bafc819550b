/** A failure that the user can understand and mend; the message is the whole line to show, or several of them. */
export class Failure extends Error {
  override readonly name = "Failure";
  /** A problem each. */
  readonly lines: readonly string[];
  /** The exit status of tsrun. */
  readonly status: number;

  constructor(message: string | readonly string[], status = 1) {
    const lines = typeof message === "string" ? [message] : message;
    super(lines.join("\n"));
    this.lines = lines;
    this.status = status;
  }
}
