/** Says what a command waits for when that takes long, and has a creation give up when its caller would. */
import { UserError } from "../../kernel/user-error.ts";
import type { Globals } from "../grammar/table.ts";
import type { Session } from "../session/session.ts";
import type { Waiting } from "./waiting.ts";

/** After so many milliseconds a command takes long. */
const LONG = 10_000;

/** The variable with the time after which a creation gives up, such as 100s. */
export const PATIENCE = "TSRUN_PATIENCE";

/** Watches over a command on a container until it is disposed of. */
export class Patience implements Disposable {
  private readonly timers: ReturnType<typeof setTimeout>[] = [];
  private readonly waiting: Waiting;
  private isLong = false;
  private verdict: UserError | null = null;

  constructor(session: Session, globals: Globals, verb: string, id: string) {
    this.waiting = { session, globals, verb, id };
    this.after(LONG, () => {
      this.isLong = true;
      void say(this.waiting);
    });
  }

  /** Gives up a creation that is not done in the time that $TSRUN_PATIENCE says. @throws UserError when that is no time */
  async limit(): Promise<void> {
    const text = this.waiting.session.caller.env[PATIENCE];
    if (text === undefined || text === "") return;
    const { readDuration } = await import("../../kernel/duration.ts");
    const time = readDuration(text);
    if (time === undefined || time <= 0)
      throw new UserError(`$${PATIENCE}`, `must be a time such as 100s, not ${JSON.stringify(text)}`);
    this.after(time, () => void this.giveUp(`given up after ${text}, as $${PATIENCE} says`));
  }

  /** The creation is told to end: it says what it waits for, and gives up if it has taken long. */
  lose(): void {
    void (this.isLong ? this.giveUp("given up, as tsrun was told to end") : say(this.waiting));
  }

  /** What to report of a creation that has failed with this. */
  reason(error: unknown): unknown {
    return this.verdict ?? error;
  }

  [Symbol.dispose](): void {
    for (const timer of this.timers) clearTimeout(timer);
  }

  private after(time: number, act: () => void): void {
    this.timers.push(setTimeout(act, time));
  }

  private async giveUp(why: string): Promise<void> {
    const { giveUp } = await import("./say-why.ts");
    const line = await giveUp(this.waiting);
    if (line !== null) this.verdict ??= new UserError(`${line}; ${why}`);
  }
}

async function say(waiting: Waiting): Promise<void> {
  await (await import("./say-why.ts")).sayWhy(waiting);
}
