/** Says what a command waits for when that takes long, while it does: its caller may lose patience, and kill it. */
import type { Globals } from "./grammar/table.ts";
import type { Session } from "./session.ts";

/** After so many milliseconds a command takes long. */
const LONG = 10_000;

/** Watches over a command on a container until it is disposed of. */
export class Patience implements Disposable {
  private readonly timer: ReturnType<typeof setTimeout>;
  private readonly say: () => void;

  constructor(session: Session, globals: Globals, verb: string, id: string) {
    this.say = () => void import("./say-why.ts").then(({ sayWhy }) => sayWhy(session, globals, verb, id));
    this.timer = setTimeout(this.say, LONG);
  }

  /** The command is told to end: it says at once what it waits for. */
  lose(): void {
    this.say();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.timer);
  }
}
