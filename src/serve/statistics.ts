/** What a server has done, for `tsrun serve --status`. */
export interface Status {
  readonly version: string;
  readonly pid: number;
  /** Seconds. */
  readonly uptime: number;
  /** Whether it takes no more commands. */
  readonly ending: boolean;
  /** Commands that are being done. */
  readonly running: number;
  readonly served: Readonly<Record<string, Times>>;
  /** How often a command was not taken, by the reason. */
  readonly refused: Readonly<Record<string, number>>;
  /** Bytes of memory of its own; what is in its file is not, and goes when memory is short. */
  readonly memory: number;
}

/** Of one command: how often, and milliseconds from the request until the caller exits. */
interface Times {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}

/** The latest times of each command are kept: so many. */
const KEPT = 1000;
/** So many reasons are told apart: words of a client's can be in them. */
const MOST_REASONS = 100;
const OTHERS = "other reasons";

export class Statistics {
  private readonly times = new Map<string, { count: number; readonly latest: number[] }>();
  private readonly refusals = new Map<string, number>();

  served(command: string, milliseconds: number): void {
    const known = this.times.get(command) ?? { count: 0, latest: [] };
    known.latest[known.count % KEPT] = milliseconds;
    known.count += 1;
    this.times.set(command, known);
  }

  refused(given: string): void {
    const reason = this.refusals.has(given) || this.refusals.size < MOST_REASONS ? given : OTHERS;
    this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + 1);
  }

  get refusedBy(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.refusals);
  }

  get servedBy(): Readonly<Record<string, Times>> {
    return Object.fromEntries(
      [...this.times].map(([command, { count, latest }]) => {
        const sorted = latest.toSorted((one, other) => one - other);
        const at = (part: number) =>
          sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
        return [command, { count, p50: at(0.5), p99: at(0.99) }];
      }),
    );
  }
}
