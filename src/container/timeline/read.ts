/** Reads timelines back from the trace events that tsrun has written. */
import { parseJson } from "../../../runtime-spec/json.ts";
import { UserError } from "../../kernel/user-error.ts";
import { CALL_KINDS, type Kind } from "./kinds.ts";
import type { Span, Timeline, Track } from "./timeline.ts";

const KINDS: readonly string[] = ["phase", "property", "program", "wait", ...Object.keys(CALL_KINDS)];

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const fieldsOf = (value: unknown): Fields => (isFields(value) ? value : {});
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");

/** The commands in a file: `text` is its content. @throws UserError where it is not one of tsrun's */
export function readTimelines(file: string, text: string): readonly Timeline[] {
  const events = eventsIn(file, text);
  const pids = new Set(events.map(({ pid }) => pid));
  return [...pids].map((pid) =>
    timelineIn(
      file,
      events.filter((event) => event["pid"] === pid),
    ),
  );
}

function eventsIn(file: string, text: string): readonly Fields[] {
  let events: unknown;
  try {
    events = fieldsOf(parseJson(text, file))["traceEvents"];
  } catch {
    throw notOurs(file);
  }
  if (!Array.isArray(events) || events.length === 0 || !events.every(isFields)) throw notOurs(file);
  return events;
}

function timelineIn(file: string, events: readonly Fields[]): Timeline {
  const named = (name: string) => events.filter((event) => event["name"] === name && event["ph"] === "M");
  const nameIn = (event: Fields | undefined) => textOf(fieldsOf(event?.["args"])["name"]);
  const tracks = named("thread_name").map(
    (event): Track => ({
      name: nameIn(event),
      spans: events
        .filter(({ ph, tid }) => ph === "X" && tid === event["tid"])
        .map((one) => spanIn(file, one)),
    }),
  );
  const [whole] = tracks[0]?.spans ?? [];
  if (whole === undefined) throw notOurs(file);
  const args = fieldsOf(events.find(({ ph }) => ph === "X")?.["args"]);
  const failure = textOf(args["error"]);
  return {
    ...{ name: nameIn(named("process_name")[0]), from: whole.from, to: whole.to, tracks },
    failure: failure === "" ? [] : failure.split("\n"),
    trace: {
      traceId: textOf(args["traceId"]),
      spanId: textOf(args["spanId"]),
      parentId: textOf(args["parentSpanId"]) || null,
    },
    pid: Number(events[0]?.["pid"]),
  };
}

function spanIn(file: string, { name, cat, ts, dur, args }: Fields): Span {
  const [kind = "", failed] = textOf(cat).split(",");
  const { call, owner, spanId } = fieldsOf(args);
  if (typeof ts !== "number" || typeof dur !== "number" || !(ts >= 0 && dur >= 0) || !KINDS.includes(kind))
    throw notOurs(file);
  return {
    kind: kind as Kind, // it is one of KINDS
    ...{ name: textOf(name), title: textOf(call) || textOf(name), owner: textOf(owner) },
    ...{ from: ts, to: ts + dur, failed: failed !== undefined },
    ...(typeof spanId === "string" ? { id: spanId } : {}),
  };
}

const notOurs = (file: string) =>
  new UserError(file, "is not a timeline of tsrun's: name a file that `tsrun --trace FILE.json` has written");
