import type { Progress } from "../../image/unpack.ts";
import type { Globals } from "../grammar/table.ts";
import type { Session } from "../session/session.ts";
import { type StatusLine, statusLineFor } from "./status-line.ts";

/** How often a bar is drawn, in milliseconds: often enough for eyes. */
const PACE = 100;
/** The bar's own, between its brackets. */
const BAR = 30;
const MEGABYTE = 2 ** 20;

/** A bar on standard error, if that is a terminal that nothing else is logged to; else nothing. */
export function progressFor(session: Session, globals: Globals): Progress {
  const line = statusLineFor(session, globals);
  return line === null ? SILENT : new Bar(line);
}

const SILENT: Progress = { begin: () => {}, layer: () => {}, read: () => {}, end: () => {} };

class Bar implements Progress {
  private readonly line: StatusLine;
  private layers = 0;
  private total = 0;
  private number = 0;
  private done = 0;
  private drawn = 0;

  constructor(line: StatusLine) {
    this.line = line;
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

  end(): void {
    this.line.erase();
  }

  private draw(): void {
    this.drawn = Bun.nanoseconds() / 1e6;
    const part = this.total === 0 ? 1 : Math.min(1, this.done / this.total);
    const bar = "#".repeat(Math.floor(part * BAR)).padEnd(BAR, ".");
    const megabytes = (bytes: number) => (bytes / MEGABYTE).toFixed(1);
    const layer = `layer ${this.number}/${this.layers}`;
    this.line.write(`${layer} [${bar}] ${megabytes(this.done)}/${megabytes(this.total)} MiB`);
  }
}
