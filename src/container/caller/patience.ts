import { processInfo } from "../state/process-info.ts";

/**
 * How long the caller may take for steps that take no time, in looks of 100 ms: it may have been stopped. One that only
 * waits for a processor has three times as long.
 */
const MOST_LOOKS = 10;

/** A wait for what takes no time in a process, which this thread stands still for. */
export class Patience {
  private readonly pid: number;
  private looks = 0;

  constructor(pid: number) {
    this.pid = pid;
  }

  get isOver(): boolean {
    return this.looks >= MOST_LOOKS;
  }

  /** Called after each 100 ms; not a clock, which goes on while tsrun itself waits for a processor. */
  lasts(): boolean {
    const { state = "X" } = processInfo(this.pid) ?? {};
    this.looks += state === "R" ? 1 / 3 : 1;
    return !this.isOver && state !== "Z" && state !== "X";
  }
}
