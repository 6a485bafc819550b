/**
 * Records what a command does: tsrun's calls and spans, and the steps of its agents. `--debug` prints it, `--trace`
 * draws it. Loaded only for them.
 *
 * Calls are recorded separately for each caller: several containers may be made side by side.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Mailbox, Ran } from "../../agent/mailbox.ts";
import { follow, type MailboxFile } from "../../agent/mailbox-file.ts";
import type { Argument, Call } from "../../kernel/call.ts";
import { FUTEX_WAIT } from "../../kernel/constants.ts";
import { actsFor, watch } from "../../kernel/here.ts";
import { type Begun, recordSpans, type SpanKind } from "../../kernel/span.ts";
import type { SyscallName } from "../../kernel/syscall-numbers.ts";
import { Paths } from "./listing.ts";
import { contextFrom, newSpanId, type TraceContext, traceparentOf } from "./trace-context.ts";

/** A call of tsrun's; times in microseconds of CLOCK_REALTIME. */
export interface OwnCall {
  /** As it was given, with a copy of the memory that it took or filled. */
  readonly call: Call;
  /** The very call, to find one that has failed. */
  readonly made: Call;
  /** The path of the descriptor that is its first argument. */
  readonly path: string | undefined;
  /** The property that wants it; empty if none does. */
  readonly owner: string;
  readonly at: number;
  readonly took: number;
  readonly result: number;
  /** Whether tsrun waits for others in it. */
  readonly waits: boolean;
}

export interface OwnSpan {
  readonly kind: SpanKind;
  readonly name: string;
  readonly id: string;
  readonly at: number;
  /** Null until it has ended. */
  ended: number | null;
  hasFailed: boolean;
}

/** The mailboxes of one agent, and what has run in each. */
export interface Followed {
  readonly role: "stage" | "host agent" | "init";
  readonly mailbox: Mailbox;
  /** The mailbox that a parked agent had before: its steps are numbered on from there. */
  readonly after: Mailbox | null;
  /** What has run, once the mailbox is given back. */
  ran: readonly Ran[] | null;
}

const recorders = new AsyncLocalStorage<Recorder>();
let active = 0;

interface RecordingOptions {
  /** TRACEPARENT of the caller. */
  readonly traceparent?: string | undefined;
  /** Is told what was recorded when all is done, or has failed; once. */
  readonly done: (recorder: Recorder) => void;
}

/**
 * Runs something and records it. In the middle of another recording, that one is used and goes on. `done` is called in
 * the end, or before if the recorder is told to end.
 */
export async function recorded<T>(
  options: RecordingOptions,
  act: (recorder: Recorder) => Promise<T>,
): Promise<T> {
  const outer = recorders.getStore();
  if (outer !== undefined && !outer.isOver) return part(outer, options, act);
  const recorder = new Recorder(options);
  if (active++ === 0) begin();
  try {
    const result = await recorders.run(recorder, () => act(recorder));
    recorder.end(null);
    return result;
  } catch (error) {
    recorder.end({ error });
    throw error;
  } finally {
    if (--active === 0) end();
  }
}

async function part<T>(
  outer: Recorder,
  { done }: RecordingOptions,
  act: (recorder: Recorder) => Promise<T>,
): Promise<T> {
  try {
    const result = await act(outer);
    done(outer);
    return result;
  } catch (error) {
    outer.failure = { error };
    done(outer);
    throw error;
  }
}

/** Undoes `begin`. */
let end = () => {};

function begin(): void {
  const outer = watch((call, kernel) => {
    const perform = outer === null ? kernel : (one: Call) => outer(one, kernel);
    const recorder = recorders.getStore();
    if (recorder === undefined || recorder.isOver) return perform(call);
    const started = now();
    const result = perform(call);
    recorder.note(call, started, result);
    return result;
  });
  const unfollow = follow((boxes) => recorders.getStore()?.follow(boxes));
  recordSpans((kind, name) => recorders.getStore()?.begin(kind, name) ?? { traceparent: null, end() {} });
  end = () => {
    watch(outer);
    unfollow();
    recordSpans(null);
  };
}

/** CLOCK_REALTIME in microseconds, as recorded by the agents. */
export const now = () => (performance.timeOrigin + performance.now()) * 1000;

/** Calls in which tsrun waits for others. */
const WAITS: ReadonlySet<string> = new Set<SyscallName>([
  "waitid",
  "wait4",
  "ppoll",
  "recvmsg",
  "recvfrom",
  "futex_waitv",
]);

const isWait = ({ name, args }: Call) => WAITS.has(name) || (name === "futex" && args[1] === FUTEX_WAIT);

/** Shorter ones found what they look for at once, in microseconds. */
const SHORTEST_WAIT = 1;

export class Recorder {
  readonly calls: OwnCall[] = [];
  readonly spans: OwnSpan[] = [];
  readonly followed: Followed[] = [];
  readonly context: TraceContext;
  /** The span of all. */
  readonly id = newSpanId();
  readonly began = now();
  /** When it ended; null while it goes on. */
  ended: number | null = null;
  /** The error that ended it. */
  failure: { readonly error: unknown } | null = null;
  private readonly paths = new Paths();
  private readonly done: (recorder: Recorder) => void;

  constructor({ traceparent, done }: RecordingOptions) {
    this.context = contextFrom(traceparent);
    this.done = done;
  }

  get isOver(): boolean {
    return this.ended !== null;
  }

  /** Records nothing more. */
  end(failure: Recorder["failure"]): void {
    if (this.isOver) return;
    this.ended = now();
    this.failure = failure;
    this.done(this);
  }

  /** Records a call of tsrun's. */
  note(made: Call, at: number, result: number): void {
    const took = now() - at;
    const path = this.paths.get(made.args[0]);
    const waits = isWait(made) && took >= SHORTEST_WAIT;
    this.calls.push({ call: copied(made, result), made, path, owner: actsFor(), at, took, result, waits });
    if (result >= 0) this.paths.note(made, result);
  }

  /** Records a span of tsrun's. */
  begin(kind: SpanKind, name: string): Begun {
    const span: OwnSpan = { kind, name, id: newSpanId(), at: now(), ended: null, hasFailed: false };
    if (!this.isOver) this.spans.push(span);
    return {
      traceparent: traceparentOf(this.context, span.id),
      end(hasFailed = false) {
        span.ended = now();
        span.hasFailed = hasFailed;
      },
    };
  }

  /** Makes the agents of these mailboxes record their times. */
  follow({ stage, init, parked, host }: MailboxFile): () => void {
    if (this.isOver) return () => {};
    const first = this.followed.length;
    const add = (role: Followed["role"], mailbox: Mailbox, after: Mailbox | null = null) => {
      mailbox.traced = true;
      this.followed.push({ role, mailbox, after, ran: null });
    };
    add("stage", stage);
    if (host !== null) add("host agent", host);
    add("init", init);
    add("init", parked, init);
    const added = this.followed.slice(first);
    return () => {
      for (const one of added) one.ran = ranIn(one);
    };
  }
}

/** Calls whose result says how much of their memory they have filled. */
const FILLS: ReadonlySet<string> = new Set<SyscallName>([
  "read",
  "pread64",
  "readlinkat",
  "getdents64",
  "recvfrom",
]);

/** Memory changes after a call, and is used again. */
function copied(call: Call, result: number): Call {
  if (!call.args.some((argument) => argument instanceof Uint8Array)) return call;
  const most = FILLS.has(call.name) ? Math.max(0, result) : undefined;
  const copy = (argument: Argument) => (argument instanceof Uint8Array ? argument.slice(0, most) : argument);
  return { ...call, args: call.args.map(copy) };
}

/** What an agent has run, and what was laid out for a parked one. */
export const ranIn = ({ mailbox, after, ran }: Followed): readonly Ran[] =>
  ran ?? [...mailbox.ran(after !== null)];

const HOOK = /^config\.json: hooks\./;

/** What an agent is called: those that become hooks are told apart by what they do. */
export const roleOf = ({ role, mailbox, after }: Followed): Followed["role"] | "hook" =>
  [...(after ?? mailbox).program.steps, ...mailbox.program.steps].some(({ owner }) => HOOK.test(owner))
    ? "hook"
    : role;
