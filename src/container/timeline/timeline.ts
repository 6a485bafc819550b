/**
 * A command as a timeline: a track for tsrun, for each of its agents and hooks, and for what others do for it
 * meanwhile. On a track, spans lie in one another: phases, the properties of config.json that want something, the
 * system calls. Times are microseconds of CLOCK_REALTIME.
 */
import type { Ran } from "../../agent/mailbox.ts";
import { SyscallError } from "../../kernel/call.ts";
import { linesOf } from "../../kernel/user-error.ts";
import { propertyOf, spellAt, stepText } from "../listing/listing.ts";
import { type Followed, now, type OwnSpan, type Recorder, ranIn, roleOf } from "../listing/recorder.ts";
import { isTolerated, resultText, stepResult } from "../listing/trace.ts";
import { type Kind, kindOf } from "./kinds.ts";

export interface Span {
  readonly kind: Kind;
  /** A few words: `mounts[0] (proc on /proc)`, `fsopen`. */
  readonly name: string;
  /** All that is known, in a line: the system call with its arguments and its result. */
  readonly title: string;
  readonly from: number;
  readonly to: number;
  /** The step or the call that ended the command. */
  readonly failed: boolean;
  /** The property of config.json that wants it; empty if none does. */
  readonly owner: string;
  /** Its id in the trace, if others may be told of it. */
  readonly id?: string;
}

export interface Track {
  readonly name: string;
  /** Those that begin earlier first, and of those the longer ones. */
  readonly spans: readonly Span[];
}

export interface Timeline {
  /** The command: `tsrun create web`. */
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly tracks: readonly Track[];
  /** What the command has failed with, a line for each problem. */
  readonly failure: readonly string[];
  readonly trace: { readonly traceId: string; readonly parentId: string | null; readonly spanId: string };
  /** Process id of tsrun. */
  readonly pid: number;
}

interface Command {
  readonly name: string;
  readonly pid: number;
  /** When its process began, if that process is the command's alone. */
  readonly since: number | null;
}

/** What was recorded, as a timeline. */
export function timelineOf(recorder: Recorder, command: Command): Timeline {
  const end = recorder.ended ?? now();
  const { context, failure, id } = recorder;
  const from = Math.min(command.since ?? recorder.began, recorder.began);
  const agents = agentsOf(recorder, end);
  return {
    ...{ name: command.name, pid: command.pid, from, to: end },
    tracks: [
      { name: "tsrun", spans: inOrder(ownSpans(recorder, command, from, end)) },
      ...othersOf(recorder, end),
      ...agents.filter(({ spans }) => spans.length > 0),
    ],
    failure: failure === null ? [] : linesOf(failure.error),
    trace: { traceId: context.traceId, parentId: context.parentId, spanId: id },
  };
}

const inOrder = (spans: readonly Span[]): readonly Span[] =>
  spans.toSorted((a, b) => a.from - b.from || b.to - a.to);

/** The span that an error names, or what is known of it. */
function ownSpans(recorder: Recorder, { name, since }: Command, from: number, end: number): readonly Span[] {
  const failed = failedCall(recorder);
  const whole = { kind: "phase", name, title: name, from, to: end, owner: "", id: recorder.id } as const;
  const spans: Span[] = [{ ...whole, failed: recorder.failure !== null }];
  if (since !== null && since < recorder.began)
    spans.push({
      ...{ kind: "phase", name: "Bun starts", title: "Bun starts, and loads tsrun's code" },
      ...{ from: since, to: recorder.began, failed: false, owner: "" },
    });
  const phases = recorder.spans.filter(({ kind }) => kind !== "other").map((one) => ownSpan(one, end));
  const calls = recorder.calls.map(
    ({ call, made, path, owner, at, took, result, waits }): Span => ({
      kind: waits ? "wait" : kindOf(call),
      name: waits ? "waits" : call.name,
      title: `${waits ? "waits: " : ""}${spellAt(call, path)} = ${resultText(result)}`,
      ...{ from: at, to: at + took, failed: made === failed, owner },
    }),
  );
  return [...spans, ...phases, ...grouped(calls, phases), ...calls];
}

/** Consecutive calls for a property as a span around them, if none of `others` begins or ends between them. */
function grouped(calls: readonly Span[], others: readonly Span[]): readonly Span[] {
  const groups: Span[] = [];
  const edges = others.flatMap(({ from, to }) => [from, to]);
  let before: Span | undefined;
  for (const call of calls) {
    const last = groups.at(-1);
    const isApart = ({ to }: Span) => edges.some((at) => at >= to && at <= call.from);
    const isFree = call.kind === "wait" || call.owner === "";
    if (last !== undefined && before?.owner === call.owner && !isApart(before))
      groups[groups.length - 1] = { ...last, to: call.to, failed: last.failed || call.failed };
    else if (!isFree) groups.push(groupOf(call));
    before = isFree ? undefined : call;
  }
  return groups;
}

function groupOf({ owner, from, to, failed }: Span): Span {
  const title = propertyOf(owner);
  return { kind: "property", name: shortened(title), title, from, to, failed, owner };
}

/** `mounts[0]`: that it is in config.json goes without saying in a bar. */
const shortened = (property: string) => property.replace(/^config\.json: /, "");

function ownSpan({ kind, name: given, id, at, ended, hasFailed }: OwnSpan, end: number): Span {
  const name = propertyOf(given);
  return {
    kind: kind === "other" ? "program" : kind === "wait" ? "wait" : "phase",
    name: kind === "hook" ? `waits for ${shortened(name)}` : name,
    title: name,
    ...{ from: at, to: Math.max(at, Math.min(ended ?? end, end)), failed: hasFailed, owner: "", id },
  };
}

/** What systemd and others do meanwhile, a track for each kind. */
function othersOf({ spans }: Recorder, end: number): readonly Track[] {
  const others = spans.filter(({ kind }) => kind === "other").map((one) => ownSpan(one, end));
  const tracks = Map.groupBy(others, ({ name }) => name.replace(/ .*/, ""));
  return [...tracks].map(([name, found]) => ({ name, spans: inOrder(found) }));
}

/** The call of tsrun's that the error names; null for another error. */
function failedCall({ failure }: Recorder) {
  return failure?.error instanceof SyscallError ? failure.error.call : null;
}

/** The tracks of the agents. All stages share one, as they come one after the other; each hook has its own. */
function agentsOf(recorder: Recorder, end: number): readonly Track[] {
  const tracks = new Map<string, Span[]>([
    ["stage", []],
    ["host agent", []],
    ["init", []],
  ]);
  for (const one of recorder.followed) {
    const role = one.role === "stage" ? "stage" : roleOf(one);
    const steps = stepsOf(one, recorder, end);
    const [owner = ""] = steps.map((step) => step.owner).filter((word) => /: hooks\./.test(word));
    const [, hook = "hook"] = /hooks\.(\w+\[\d+\])/.exec(owner) ?? [];
    const name = role === "hook" ? hook : role;
    const spans = tracks.get(name) ?? [];
    spans.push(...steps);
    tracks.set(name, spans);
  }
  tracks.get("init")?.push(...unseen(recorder, tracks, end));
  return [...tracks].map(([name, spans]) => ({ name, spans: inOrder(spans) }));
}

/** An init that an earlier tsrun has parked: its steps are not recorded. */
function unseen({ spans }: Recorder, tracks: ReadonlyMap<string, readonly Span[]>, end: number): Span[] {
  const seen = [...tracks.values()].flat().filter(({ name }) => name === "execve");
  const unseen = spans.filter(
    ({ kind, at, ended }) =>
      kind === "execution" && !seen.some(({ from }) => from >= at && from <= (ended ?? end)),
  );
  return unseen.flatMap((one) => {
    const { name, from, to, failed } = ownSpan(one, end);
    const span = {
      kind: "processes",
      name,
      title: `${name}; the steps of that are not timed`,
      from,
      to,
      failed,
      owner: "",
    } as const;
    return failed ? [span] : [span, program(name.replace(/^executes /, ""), to, end)];
  });
}

const program = (path: string, from: number, to: number): Span => ({
  ...{ kind: "program", name: `${path} runs`, title: `${path} runs`, from, to, failed: false, owner: "" },
});

/** The steps of an agent with their properties, its waits, and the program that it becomes. */
function stepsOf(followed: Followed, recorder: Recorder, end: number): readonly Span[] {
  const first = followed.after?.program.steps.length ?? 0;
  const waits: Span[] = [];
  const calls: Span[] = [];
  const programs: Span[] = [];
  let last = 0;
  for (const ran of ranIn(followed)) {
    const { step, started, rested } = ran;
    if (started === 0) continue;
    if (rested !== null && rested < started)
      waits.push({
        ...{
          kind: "wait",
          name: "waits for tsrun",
          title: "waits for tsrun: its next steps are not there yet",
        },
        ...{ from: Math.max(rested, last), to: started, failed: false, owner: "" },
      });
    const execution = executionOf(ran, recorder, end);
    const to = Math.max(started, execution?.to ?? ran.ended);
    calls.push({
      kind: kindOf(step.call),
      name: step.call.name,
      title: `${stepText(first + ran.index, step)}${execution === null ? ` = ${resultOf(ran)}` : ""}`,
      ...{ from: started, to, owner: step.owner },
      failed: ran.result < 0 && !isTolerated(step, ran.result),
    });
    if (execution?.program != null) programs.push(execution.program);
    last = to;
  }
  return [...waits, ...grouped(calls, waits), ...calls, ...programs];
}

const resultOf = ({ step, started, ended, result }: Ran) =>
  ended < started ? "?" : stepResult(step, result);

/** When execve(2) had made the agent a program, and until when that ran; null for another step. */
function executionOf({ step, started, result }: Ran, { spans }: Recorder, end: number) {
  if (step.call.name !== "execve") return null;
  const within = ({ at, ended }: OwnSpan) => at <= started && started <= (ended ?? end);
  const found = spans.find((one) => one.kind === "execution" && within(one));
  const to = found?.ended ?? started;
  if (result < 0 || found === undefined || found.hasFailed) return { to, program: null };
  const until = spans.find((one) => one.kind === "hook" && within(one))?.ended ?? end;
  const [path] = step.call.args;
  return { to, program: program(typeof path === "string" ? path : "its program", to, Math.max(to, until)) };
}
