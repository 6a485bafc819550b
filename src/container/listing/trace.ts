/**
 * What `--debug` prints: the calls of tsrun that change something and the steps of the agents, in the order in which
 * they began, with the time that each took, and where one waited for the other. Loaded only for `--debug`.
 *
 * Calls are recorded separately for each caller: several containers may be made side by side.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Mailbox, Ran } from "../../agent/mailbox.ts";
import { follow, type MailboxFile } from "../../agent/mailbox-file.ts";
import type { Step } from "../../agent/program.ts";
import type { Call } from "../../kernel/call.ts";
import { FUTEX_WAIT } from "../../kernel/constants.ts";
import { errnoName } from "../../kernel/errno.ts";
import { actsFor, watch } from "../../kernel/here.ts";
import type { SyscallName } from "../../kernel/syscall-numbers.ts";
import { type Deed, isChange, listed, Paths, stepText } from "./listing.ts";

/** An action with its times in microseconds, if it was traced. */
interface Timed extends Deed {
  readonly at: number | null;
  readonly took: number | null;
  readonly waits: boolean;
}

/** A mailbox whose steps are printed. */
interface Followed {
  readonly by: Deed["by"];
  readonly mailbox: Mailbox;
  /** The mailbox that a parked agent had before: its steps are numbered on from there. */
  readonly after: Mailbox | null;
  /** What has run, once the mailbox is given back. */
  ran: readonly Ran[] | null;
}

const recorders = new AsyncLocalStorage<Recorder>();
let active = 0;

/** Runs something and prints what tsrun and the agents have done, even if it fails. */
export async function traced<T>(debug: (line: string) => void, act: () => Promise<T>): Promise<T> {
  const recorder = new Recorder();
  if (active++ === 0) begin();
  let isDone = false;
  try {
    const result = await recorders.run(recorder, act);
    isDone = true;
    return result;
  } finally {
    if (--active === 0) end();
    for (const line of recorder.lines(isDone, now())) debug(line);
  }
}

function begin(): void {
  watch((call, perform) => {
    const recorder = recorders.getStore();
    if (recorder === undefined) return perform(call);
    const started = now();
    const result = perform(call);
    recorder.note(call, started, result);
    return result;
  });
  follow((boxes) => recorders.getStore()?.follow(boxes));
}

function end(): void {
  watch(null);
  follow(null);
}

/** CLOCK_REALTIME in microseconds, as recorded by the agents. */
const now = () => (performance.timeOrigin + performance.now()) * 1000;

/** Calls in which tsrun waits for others. */
const WAITS: ReadonlySet<string> = new Set<SyscallName>(["waitid", "wait4", "ppoll", "recvmsg", "recvfrom"]);

const isWait = ({ name, args }: Call) => WAITS.has(name) || (name === "futex" && args[1] === FUTEX_WAIT);

class Recorder {
  private readonly own: Timed[] = [];
  private readonly paths = new Paths();
  private readonly followed: Followed[] = [];
  private readonly began = now();

  /** Records a call of tsrun's. */
  note(call: Call, started: number, result: number): void {
    const took = now() - started;
    const deed = { by: "tsrun", owner: actsFor(), at: started, took } as const;
    if (isChange(call)) {
      const text = `${this.paths.spell(call)} = ${resultText(result)}`;
      this.own.push({ ...deed, text, waits: false });
    } else if (isWait(call) && took >= 1)
      this.own.push({ ...deed, text: "waits for the agents", waits: true });
    if (result >= 0) this.paths.note(call, result);
  }

  /** Makes the agents of these mailboxes record their times. Hooks' agents come after the container's. */
  follow({ stage, init, parked, host }: MailboxFile): () => void {
    const first = this.followed.length;
    const add = (by: Deed["by"], mailbox: Mailbox, after: Mailbox | null = null) => {
      mailbox.traced = true;
      this.followed.push({ by: first > 0 ? "hook" : by, mailbox, after, ran: null });
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

  /** All that was recorded. Steps that have not run yet are listed as laid out for later, unless something failed. */
  *lines(isDone: boolean, end: number): Generator<string> {
    const agents = this.followed.flatMap((one) => stepsOf(one, isDone));
    const all = [...this.own, ...agents];
    const timed = all.filter(({ at }) => at !== null).sort((a, b) => (a.at ?? 0) - (b.at ?? 0));
    const later = all.filter(({ at }) => at === null);
    const line = (deed: Timed): Deed => ({ ...deed, text: `${this.columns(deed)}  ${deed.text}` });
    yield* listed([...timed, ...later].map(line));
    yield summary(all, end - this.began);
  }

  private columns({ at, took }: Timed): string {
    const column = (time: number | null) => (time === null ? "" : `${time.toFixed(0)} µs`).padStart(10);
    return `${column(at === null ? null : at - this.began)} ${column(took)}`;
  }
}

/** `# 9120 µs: tsrun worked 5210 µs, waited 3910 µs; init worked …` */
function summary(all: readonly Timed[], total: number): string {
  const sum = (by: string, waits: boolean) =>
    all.reduce((time, deed) => time + (deed.by === by && deed.waits === waits ? (deed.took ?? 0) : 0), 0);
  const words = [...new Set(all.map(({ by }) => by))].map((by) => {
    const waited = sum(by, true);
    const worked = by === "tsrun" ? total - waited : sum(by, false);
    return `${by} worked ${worked.toFixed(0)} µs, waited ${waited.toFixed(0)} µs`;
  });
  return `# ${total.toFixed(0)} µs: ${words.join("; ")}`;
}

/** What an agent has run, and what was laid out for a parked one. */
const ranIn = ({ mailbox, after }: Followed): readonly Ran[] => [...mailbox.ran(after !== null)];

/** The steps of an agent, and its waits between them. */
function stepsOf(followed: Followed, isDone: boolean): readonly Timed[] {
  const { by, after } = followed;
  const first = after?.program.steps.length ?? 0;
  const deeds: Timed[] = [];
  for (const { index, step, started, ended, rested, result } of followed.ran ?? ranIn(followed)) {
    const deed = { by, owner: step.owner, waits: false };
    if (started > 0) {
      if (rested !== null) deeds.push(rest(deed, rested, started));
      const text = `${stepText(first + index, step)} = ${ended < started ? "?" : stepResult(step, result)}`;
      deeds.push({ ...deed, at: started, took: ended < started ? null : ended - started, text });
    } else if (isDone) deeds.push({ ...deed, at: null, took: null, text: stepText(first + index, step) });
  }
  return deeds;
}

const rest = (deed: Omit<Timed, "at" | "took" | "text">, since: number, until: number): Timed => ({
  ...deed,
  at: since,
  took: until - since,
  text: "waits for tsrun",
  waits: true,
});

const resultText = (result: number) => (result >= 0 ? String(result) : errnoName(-result));

/** `5`, `EEXIST (tolerated)`, `EPERM`. */
function stepResult({ tolerate }: Step, result: number): string {
  const isTolerated = result < 0 && (tolerate === "all" || tolerate.includes(-result));
  return `${resultText(result)}${isTolerated ? " (tolerated)" : ""}`;
}
