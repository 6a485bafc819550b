import type { Progress } from "../image/unpack.ts";
import { attempt } from "../kernel/here.ts";
import { getWindowSize, WINSIZE_SIZE, windowSize } from "../kernel/terminal.ts";
import type { Globals } from "./grammar/table.ts";
import { show } from "./output.ts";
import type { Session } from "./session.ts";

/** How often a bar is drawn, in milliseconds: often enough for eyes. */
const PACE = 100;
const DEFAULT_WIDTH = 80;
/** The bar's own, between its brackets. */
const BAR = 30;
const MEGABYTE = 2 ** 20;

/** A bar on standard error, if that is a terminal that nothing else is logged to; else nothing. */
export function progressFor(session: Session, { debug, logFormat }: Globals): Progress {
  if (!session.complainsToTerminal || debug || logFormat === "json") return SILENT;
  return new Bar(session);
}

const SILENT: Progress = { begin: () => {}, layer: () => {}, read: () => {}, end: () => {} };

class Bar implements Progress {
  private readonly session: Session;
  private layers = 0;
  private total = 0;
  private number = 0;
  private done = 0;
  private drawn = 0;

  constructor(session: Session) {
    this.session = session;
  }

  begin(layers: number, bytes: number): void {
    this.layers = layers;
    this.total = bytes;
  }

  layer(number: number): void {
    this.number = number;
    this.draw();
  }

  read(bytes: number): void {
    this.done += bytes;
    if (Bun.nanoseconds() / 1e6 - this.drawn >= PACE) this.draw();
  }

  /** Takes the bar away: what remains on the screen is what went wrong, or nothing. */
  end(): void {
    this.write("\r\x1b[K");
  }

  private draw(): void {
    this.drawn = Bun.nanoseconds() / 1e6;
    const part = this.total === 0 ? 1 : Math.min(1, this.done / this.total);
    const bar = "#".repeat(Math.floor(part * BAR)).padEnd(BAR, ".");
    const megabytes = (bytes: number) => (bytes / MEGABYTE).toFixed(1);
    const line = `layer ${this.number}/${this.layers} [${bar}] ${megabytes(this.done)}/${megabytes(this.total)} MiB`;
    this.write(`\r${line.slice(0, this.width() - 1)}\x1b[K`);
  }

  private width(): number {
    const bytes = new Uint8Array(WINSIZE_SIZE);
    const found =
      attempt(getWindowSize(this.session.caller.streams[2], bytes)) < 0 ? 0 : windowSize(bytes).width;
    return found || DEFAULT_WIDTH;
  }

  private write(text: string): void {
    show(this.session, text);
  }
}
