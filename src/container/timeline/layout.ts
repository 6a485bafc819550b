/** Where the spans of a timeline lie: in rows, those within another below it. */
import type { Span, Timeline } from "./timeline.ts";

/** Spans of one depth, in the order of time. */
export type Row = readonly Span[];

/** The rows of a track: a phase, a property or a wait is above what begins in it. */
export function rowsOf(spans: readonly Span[]): readonly Row[] {
  const rows: Span[][] = [];
  const open: Span[] = [];
  for (const span of spans) {
    for (let last = open.at(-1); last !== undefined && !holds(last, span); last = open.at(-1)) open.pop();
    const depth = open.length;
    rows[depth] ??= [];
    rows[depth].push(span);
    open.push(span);
  }
  return rows;
}

const holds = (outer: Span, inner: Span) =>
  !isCall(outer) && outer.kind !== "program" && inner.from < outer.to && outer.from <= inner.from;

/** A mark of the time axis, in microseconds since the beginning. */
interface Tick {
  readonly at: number;
  readonly label: string;
}

/** Marks at round times, at most so many. */
export function ticks(length: number, most: number): readonly Tick[] {
  const rough = Math.max(length, 1) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  return Array.from({ length: Math.floor(length / step) + 1 }, (_, index) => ({
    at: index * step,
    label: duration(index * step),
  }));
}

/** `0`, `85 µs`, `4.2 ms`, `1.25 s` */
export function duration(microseconds: number): string {
  if (microseconds === 0) return "0";
  const [value, unit] =
    microseconds < 1000
      ? [microseconds, "µs"]
      : microseconds < 1e6
        ? [microseconds / 1e3, "ms"]
        : [microseconds / 1e6, "s"];
  return `${Number(value.toPrecision(3))} ${unit}`;
}

/** How long a track's owner worked: an agent in its calls, tsrun itself, with a `command`, whenever it did not wait. */
export function effort(spans: readonly Span[], command: Timeline | null): string {
  const sum = (wanted: (span: Span) => boolean) =>
    spans.filter(wanted).reduce((time, span) => time + span.to - span.from, 0);
  const waited = sum(({ kind }) => kind === "wait");
  const worked = command === null ? sum(isCall) : command.to - command.from - waited;
  return worked === 0 ? "" : `worked ${duration(worked)}`;
}

/** Whether a span is a system call that doesn't wait. */
export const isCall = ({ kind }: Span): boolean =>
  kind !== "phase" && kind !== "property" && kind !== "program" && kind !== "wait";
