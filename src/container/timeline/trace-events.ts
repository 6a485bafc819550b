/**
 * A timeline as trace events, the JSON that Perfetto (ui.perfetto.dev) and chrome://tracing open: "Trace Event Format",
 * JSON object format, complete events.
 */
import type { Span, Timeline, Track } from "./timeline.ts";

/** Chrome's names for colours; Perfetto has its own. */
const FAILED = { cname: "terrible" };
const WAITING = { cname: "grey" };

/** The trace events of commands; what is said of all of them is said of the first. */
export function traceEvents(commands: readonly Timeline[]): string {
  const taken = new Set<number>();
  const lines = commands
    .flatMap((command) => eventsOf({ ...command, pid: unlike(taken, command.pid) }))
    .map((event) => JSON.stringify(event));
  const [first] = commands;
  const otherData = first && {
    command: first.name,
    ...withoutNull(first.trace),
    ...failureOf(first.failure),
  };
  return `{"displayTimeUnit":"ms","otherData":${JSON.stringify(otherData)},"traceEvents":[\n${lines.join(",\n")}\n]}\n`;
}

/** More than any pid (PID_MAX_LIMIT). */
const MOST_PIDS = 2 ** 22;

/** A process id for a command: commands of one server have the same, and pids are used again. */
function unlike(taken: Set<number>, pid: number): number {
  let id = pid;
  while (taken.has(id)) id += MOST_PIDS;
  taken.add(id);
  return id;
}

function eventsOf({ name, pid, tracks, failure, trace }: Timeline): readonly object[] {
  return [
    { ph: "M", name: "process_name", pid, tid: 0, args: { name } },
    ...tracks.flatMap((track, index) => trackEvents(track, pid, index + 1, { trace, failure })),
  ];
}

type Whole = Pick<Timeline, "trace" | "failure">;

function trackEvents({ name, spans }: Track, pid: number, tid: number, whole: Whole): readonly object[] {
  return [
    { ph: "M", name: "thread_name", pid, tid, args: { name } },
    { ph: "M", name: "thread_sort_index", pid, tid, args: { sort_index: tid } },
    ...spans.map((span) => event(span, pid, tid, whole)),
  ];
}

function event(span: Span, pid: number, tid: number, { trace, failure }: Whole): object {
  const { kind, name, title, from, to, failed, owner, id } = span;
  const isWhole = id === trace.spanId;
  return {
    ...{ ph: "X", name, cat: failed ? `${kind},failed` : kind, ts: from, dur: to - from, pid, tid },
    args: {
      ...(title === name ? {} : { call: title }),
      ...(owner === "" ? {} : { owner }),
      ...(id === undefined ? {} : { spanId: id }),
      ...(isWhole ? { ...withoutNull(trace), ...failureOf(failure) } : {}),
    },
    ...(failed ? FAILED : kind === "wait" ? WAITING : {}),
  };
}

const failureOf = (failure: readonly string[]) => (failure.length === 0 ? {} : { error: failure.join("\n") });

const withoutNull = ({ traceId, spanId, parentId }: Timeline["trace"]) => ({
  ...{ traceId, spanId },
  ...(parentId === null ? {} : { parentSpanId: parentId }),
});
