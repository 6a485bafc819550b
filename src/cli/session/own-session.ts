import { OwnCaller } from "../../agent/own-caller.ts";
import type { CallerConsole } from "../../container/terminal/console.ts";
import { STDERR_FILENO, STDIN_FILENO } from "../../kernel/constants.ts";
import { readAll, writeAll } from "../../kernel/files.ts";
import { isTerminal } from "../../kernel/terminal.ts";
import type { Foreground, HeldSignals, Session, Subreaper } from "./session.ts";

/** tsrun's own process, as on the command line. The only file of src/cli that touches it. */
export class OwnSession implements Session {
  readonly caller = new OwnCaller();
  readonly livesOn = false;

  get pid(): number {
    return process.pid;
  }

  get complainsToTerminal(): boolean {
    return isTerminal(STDERR_FILENO);
  }

  async service(may: boolean): Promise<string> {
    if (!may) return "not served: --no-serve";
    const { reasonsHere } = await import("../../serve/ask.ts");
    const { process, command } = await reasonsHere(this.caller);
    return `not served: ${process ?? command ?? "the server has not taken it in time"}`;
  }

  /** process.stdout would cost 12 ms of start-up. */
  write(stream: 1 | 2, text: string | Uint8Array): void {
    writeAll(stream, text);
  }

  async readInput(): Promise<string> {
    return new TextDecoder().decode(readAll(STDIN_FILENO));
  }

  async preserve(count: number, what: string): Promise<readonly number[]> {
    const { passDescriptors } = await import("../../container/caller/caller-descriptors.ts");
    return passDescriptors(count, what);
  }

  async holdSignals(): Promise<HeldSignals> {
    const { HeldSignals } = await import("../making-commands.ts");
    return new HeldSignals();
  }

  async foreground(pid: number, terminal: CallerConsole | null): Promise<Foreground> {
    const { Foreground } = await import("../making-commands.ts");
    if (terminal === null && this.complainsToTerminal)
      process.once("SIGINT", () => void import("./unheard.ts").then((it) => it.tellIfUnheard(this, pid)));
    return new Foreground(pid, terminal);
  }

  onEnd(act: () => void): void {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, act);
  }

  async subreaper(): Promise<Subreaper> {
    return await import("../../container/foreground/subreaper.ts");
  }
}
