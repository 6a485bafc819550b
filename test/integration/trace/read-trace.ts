import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { workDirectory } from "../../harness/environment.ts";

/** A span of trace events. */
export interface Event {
  readonly ph: string;
  readonly name: string;
  readonly cat: string;
  readonly cname?: string;
  readonly ts: number;
  readonly dur: number;
  readonly end: number;
  readonly tid: number;
  readonly args: {
    readonly call?: string;
    readonly owner?: string;
    readonly spanId?: string;
    readonly parentSpanId?: string;
    readonly name?: string;
  };
}

export interface Trace {
  readonly text: string;
  readonly otherData: {
    readonly command: string;
    readonly traceId: string;
    readonly spanId: string;
    readonly parentSpanId?: string;
    readonly error?: string;
  };
  /** The spans of all tracks. */
  readonly events: readonly Event[];
  /** The names of the tracks, in their order. */
  readonly tracks: readonly string[];
  /** The spans of a track, in the order of time, the outer ones first. */
  track(name: string): readonly Event[];
}

/** A timeline that `--trace` has written as trace events. */
export function readTrace(file: string): Trace {
  const text = readFileSync(file, "utf8");
  const { otherData, traceEvents } = JSON.parse(text) as Pick<Trace, "otherData"> & { traceEvents: Event[] };
  const names = traceEvents.filter(({ name }) => name === "thread_name");
  const events = traceEvents
    .filter(({ ph }) => ph === "X")
    .map((event) => ({ ...event, end: event.ts + event.dur }));
  return {
    ...{ text, otherData, events },
    tracks: names.map(({ args }) => args.name ?? ""),
    track(name) {
      const { tid } = names.find(({ args }) => args.name === name) ?? {};
      return events.filter((event) => event.tid === tid);
    },
  };
}

/** A directory that nobody makes. */
export const NOWHERE = join(workDirectory, "nowhere");

/** The spans of a track whose name, call or owner match. */
export const found = (trace: Trace, track: string, pattern: RegExp): readonly Event[] =>
  trace
    .track(track)
    .filter(({ name, args: { call = "", owner = "" } }) =>
      [name, call, owner].some((text) => pattern.test(text)),
    );

export function only(trace: Trace, track: string, pattern: RegExp): Event {
  const [one] = found(trace, track, pattern);
  const said = trace.track(track).map(({ name, args: { call = name } }) => call);
  assert.ok(one, `no ${pattern} on ${track} among\n${said.join("\n")}`);
  return one;
}
