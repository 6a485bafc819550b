/** A failure that the user can understand and mend; the message is the whole line to show. */
export class Failure extends Error {
  override readonly name = "Failure";
  /** The exit status of tsrun. */
  readonly status: number;

  constructor(message: string, status = 1) {
    super(message);
    this.status = status;
  }
}
