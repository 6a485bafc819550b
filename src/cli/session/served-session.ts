import type { RemoteCaller } from "../../container/caller/remote-caller.ts";
import { forwardedSignals } from "../../container/foreground/foreground.ts";
import { SIGNALS } from "../../kernel/signals.ts";
import { signalSet } from "../../kernel/structs.ts";
import { isTerminal } from "../../kernel/terminal.ts";
import type { Client } from "../../serve/client.ts";
import type { Foreground, HeldSignals, Session, Subreaper } from "./session.ts";

const WAITED_FOR = signalSet([...forwardedSignals(), SIGNALS.SIGCHLD]);

/** A process that is served. What it asks for in these methods that throw is not taken: see served.ts. */
export class ServedSession implements Session {
  readonly caller: RemoteCaller;
  readonly livesOn = true;
  private readonly client: Client;
  private readonly waits: boolean;

  /** `waits` says whether there is something to do when a child in the foreground has ended. */
  constructor(client: Client, waits: boolean) {
    this.waits = waits;
    this.client = client;
    this.caller = client.caller;
  }

  get pid(): number {
    return this.caller.pid;
  }

  get complainsToTerminal(): boolean {
    return isTerminal(this.caller.streams[2]);
  }

  async service(): Promise<string> {
    return `served by tsrun serve, pid ${this.client.server}`;
  }

  write(stream: 1 | 2, text: string | Uint8Array): void {
    if (typeof text !== "string") throw new Error("a served process prints text alone");
    this.client.print(stream, text);
  }

  /** They are held already: see Client.claim. */
  async holdSignals(): Promise<HeldSignals> {
    return { onEnd: () => {}, release: () => [], [Symbol.dispose]: () => {} };
  }

  async foreground(pid: number): Promise<Foreground> {
    return {
      send: () => {},
      wait: async () => {
        if (!this.waits) this.client.exitWith(pid, WAITED_FOR);
        return this.waits ? await this.client.waitFor(pid, WAITED_FOR) : 0;
      },
    };
  }

  readInput(): Promise<string> {
    throw new Error("a served process reads its standard input itself");
  }

  preserve(): Promise<readonly number[]> {
    throw new Error("a served process hands down its descriptors itself");
  }

  onEnd(): void {
    throw new Error("a served process ends itself");
  }

  subreaper(): Promise<Subreaper> {
    throw new Error("a served process adopts orphans itself");
  }
}
