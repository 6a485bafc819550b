/** What one command waits for. */
import type { Config, Hook, Hooks } from "../../../runtime-spec/config.ts";
import type { Performed } from "../../agent/peek.ts";
import { isFrozen } from "../../linux/cgroups/freeze.ts";
import { findUnifiedMount } from "../../linux/cgroups/hierarchy.ts";
import { isAbsolute, join } from "../../linux/paths.ts";
import { processInfo } from "../state/process-info.ts";
import type { Saved } from "../state/saved.ts";
import { MAILBOX_FILE, type StateDirectory } from "../state/state-directory.ts";
import { type Agent, type Command, performedBy, pidfdsOf, processes, shownOf, wordsOf } from "./commands.ts";
import { type Known, type Rehearsed, stepAt } from "./program.ts";
import { ageOf, type CallOf, callOf, forTime, idleFor, textOf, whereIs } from "./task.ts";

/** `what` follows the command, or "container web is creating: ". */
export interface Wait {
  readonly what: string;
  /** The process that is waited for, or that waits. */
  readonly pid: number | null;
}

export interface Scene {
  readonly directory: StateDirectory;
  readonly saved: Saved | null;
  readonly config: Config | null;
  /** Who has the container's lock. */
  readonly holder: number | null;
  readonly agents: readonly Agent[];
  /** The steps of the container's creation; null when they can't be known. */
  readonly rehearse: () => Promise<Rehearsed | null>;
}

/** What a command waits for; null when it waits for the container's own process, or it can't be told. */
export async function waitOf(command: Command, scene: Scene, isOwn: boolean): Promise<Wait | null> {
  return (
    (isOwn ? null : callThatLasts(command, scene)) ??
    (await stepOf(command, scene)) ??
    childOf(command, scene) ??
    lockOf(command, scene) ??
    jobOf(command, scene) ??
    endOf(command)
  );
}

/** Calls by which tsrun waits for others: what for is told by something else. */
const WAITS =
  /^(futex|ppoll|poll|epoll_\w+|nanosleep|clock_nanosleep|wait4|waitid|restart_syscall|rt_sigtimedwait|system call \d+)$/;

/** A call of tsrun's own thread that does not come back, such as one on a file system that does not answer. */
function callThatLasts({ pid }: Command, { saved, config }: Scene): Wait | null {
  const call = callOf(pid);
  if (call === null || WAITS.test(call.name)) return null;
  Bun.sleepSync(PROOF);
  const later = callOf(pid);
  if (later === null || later.name !== call.name || String(later.args) !== String(call.args)) return null;
  return { what: `tsrun (pid ${pid}) is ${inCall(pid, call, saved, config)}`, pid };
}

/** A call that lasts as long as this, in milliseconds, is one that lasts. */
const PROOF = 50;

function inCall(pid: number, { name, text }: CallOf, saved: Saved | null, config: Config | null): string {
  const place = text === null || config === null ? null : placeOf(text, config, saved?.bundle ?? "/");
  const what = text === null ? name : `${name} ${JSON.stringify(text)}`;
  return `in ${what} ${forTime(idleFor(pid))}${place === null ? "" : `: config.json: ${place}`}`;
}

/** The property whose value is this path, or a directory above it; null for none. */
function placeOf(path: string, config: unknown, bundle: string): string | null {
  let best: { readonly place: string; readonly length: number } | null = null;
  const walk = (value: unknown, place: string): void => {
    if (
      typeof value === "string" &&
      (isAbsolute(value) || place === "root.path" || place.endsWith(".source"))
    ) {
      const own = isAbsolute(value) ? join(value) : join(bundle, value);
      if (own !== "/" && `${path}/`.startsWith(`${own}/`) && own.length > (best?.length ?? 0))
        best = { place, length: own.length };
    } else if (Array.isArray(value)) for (const [at, one] of value.entries()) walk(one, `${place}[${at}]`);
    else if (typeof value === "object" && value !== null)
      for (const [name, one] of Object.entries(value)) walk(one, place === "" ? name : `${place}.${name}`);
  };
  walk(config, "");
  return (best as { readonly place: string } | null)?.place ?? null; // TypeScript doesn't see that walk() sets it
}

/** The innermost first: the others wait for it. */
const INNERMOST: readonly Performed["role"][] = ["host", "parked", "init", "stage"];
const NAMES = { host: "host agent", parked: "init", init: "init", stage: "stage" } as const;

/** A step of an agent of the command's: one that it has made, or the parked one that it has told to go on. */
async function stepOf({ pid, verb }: Command, scene: Scene): Promise<Wait | null> {
  const { directory, saved, agents, rehearse } = scene;
  const mailbox = `${directory.path}/${MAILBOX_FILE}`;
  const init = hasLock(pid, scene) ? saved?.init?.pid : undefined;
  const acting = agents
    .filter((agent) => agent.parent === pid || agent.pid === init)
    .flatMap((agent) => {
      const performed = performedBy(agent, mailbox);
      return performed === null ? [] : [{ ...performed, agent }];
    })
    .sort((one, other) => INNERMOST.indexOf(one.role) - INNERMOST.indexOf(other.role));
  const [first] = acting;
  if (first === undefined) return null;
  const { role, agent, step, looks, call, words } = first;
  const looksFirst = role === "stage" && call === "statx"; // so would a rehearsal, and not come back either
  const isOfContainer = (verb === "create" || verb === "run") && !isHooks(agent, saved) && !looksFirst;
  const program = isOfContainer && role !== "parked" ? await rehearse() : null;
  const steps = program?.[NAMES[role]] ?? [];
  const known = looksFirst ? lookAt(words, scene) : stepAt(steps, step - looks, call);
  const spelled = known?.text ?? [call, ...words.map((word) => JSON.stringify(word))].join(" ");
  const owner = known?.owner ? `${known.owner}: ` : role === "parked" ? "config.json: process.args: " : "";
  const count = role === "parked" ? "" : ` ${step + 1} of ${Math.max(steps.length, first.told)}`;
  const who = `its ${NAMES[role]} (pid ${agent.pid}) is in step${count}`;
  return {
    what: `${who} ${forTime(idleFor(agent.pid))}: ${owner}${spelled}${frozenAbove(agent.pid)}`,
    pid: agent.pid,
  };
}

/** The stage's look at a path that the config names: see `addLooks`. */
function lookAt([path = ""]: readonly string[], { config, saved }: Scene): Partial<Known> {
  const place = placeOf(path, config, saved?.bundle ?? "/");
  return {
    text: `statx(${JSON.stringify(path)})`,
    ...(place === null ? {} : { owner: `config.json: ${place}` }),
  };
}

const isHooks = ({ pid }: Agent, saved: Saved | null) =>
  saved?.creatingPid !== undefined && saved.creatingPid !== pid;

/** A cgroup of a process's that is frozen, its own or one above it: nothing in it runs. */
export function frozenCgroup(pid: number): string | null {
  const own = /^0::(.*)$/m.exec(textOf(`/proc/${pid}/cgroup`) ?? "")?.[1];
  const mount = findUnifiedMount();
  if (own === undefined || mount === undefined) return null;
  for (let path = join(mount, own); path.length > mount.length; path = join(path, ".."))
    if (isFrozen(path)) return path;
  return null;
}

function frozenAbove(pid: number): string {
  const frozen = frozenCgroup(pid);
  return frozen === null ? "" : `; its cgroup ${frozen} is frozen`;
}

/** A process that the command waits for: a hook, an `exec`ed one, a helper. */
function childOf({ pid, verb }: Command, scene: Scene): Wait | null {
  const { saved, agents } = scene;
  const init = saved?.init?.pid ?? saved?.creatingPid;
  const isOther = (child: number) => child !== init && agents.every((agent) => agent.pid !== child);
  const children = processes().filter((child) => {
    const info = processInfo(child);
    return info?.parent === pid && info.state !== "Z" && isOther(child);
  });
  for (const child of children) {
    const hook = hookOf(child, scene);
    const since = forTime(ageOf(child));
    if (hook !== null) {
      const limit = hook.timeout === undefined ? "" : `, of the ${hook.timeout} s that it may take`;
      return { what: `${hook.place}, pid ${child}, runs ${since}${limit}${frozenAbove(child)}`, pid: child };
    }
    if (verb === "exec")
      return {
        what: `its process, pid ${child} (${shownOf(child)}), runs ${since}${frozenAbove(child)}`,
        pid: child,
      };
    return { what: `pid ${child} (${shownOf(child)}) runs ${since}`, pid: child };
  }
  return null;
}

/** Kinds of hooks in the order of a container's life. */
const KINDS: readonly (keyof Hooks)[] = [
  ...(["prestart", "createRuntime", "createContainer"] as const),
  ...(["startContainer", "poststart", "poststop"] as const),
];

/** The hook that a process is; its interpreter may stand before it. */
function hookOf(pid: number, { config, saved }: Scene): (Hook & { readonly place: string }) | null {
  const words = wordsOf(pid);
  const kinds = saved?.init === null ? KINDS.slice(0, 3) : KINDS.slice(3);
  for (const kind of kinds)
    for (const [index, hook] of (config?.hooks?.[kind] ?? []).entries()) {
      const own = hook.args?.length ? hook.args : [hook.path];
      const isIt = String(words) === String(own) || words.includes(hook.path);
      if (isIt) return { ...hook, place: `config.json: hooks.${kind}[${index}] (${hook.path})` };
    }
  return null;
}

function lockOf({ pid }: Command, scene: Scene): Wait | null {
  const { holder, directory } = scene;
  if (holder === null || hasLock(pid, scene)) return null;
  const line = ["tsrun", ...wordsOf(holder).slice(1)].join(" ");
  return {
    what: `waits for the lock of container ${directory.id}, which pid ${holder} has: ${line}`,
    pid: holder,
  };
}

/** Whether a command has the lock, or a tsrun server, perhaps for it. */
const hasLock = (pid: number, { holder }: Scene): boolean =>
  holder === pid || (holder !== null && wordsOf(holder).includes("serve"));

/** systemd, which has yet to make the scope: all else that tsrun waits for is a process. */
function jobOf({ pid, verb }: Command, { saved }: Scene): Wait | null {
  const unit = saved?.cgroup?.unit;
  if (unit === undefined || saved?.init !== null || (verb !== "create" && verb !== "run")) return null;
  const job = `systemd has not done its job for ${unit.name} in ${unit.slice} ${forTime(ageOf(pid))}`;
  return { what: `${job}: \`systemctl list-jobs\` shows it`, pid: null };
}

/** A process that is to end, of which the command holds a descriptor. In the foreground that is no wait to explain. */
function endOf({ pid, verb }: Command): Wait | null {
  if (verb === "run" || verb === "exec" || verb === "restore") return null;
  for (const descriptor of pidfdsOf(pid)) {
    const name = processInfo(descriptor)?.name;
    if (name === undefined) continue;
    const frozen = frozenAbove(descriptor);
    return { what: `waits for the end of pid ${descriptor} (${name})${frozen}`, pid: descriptor };
  }
  return null;
}

/** Where a process that is waited for is. */
export const detailsOf = ({ pid }: Wait): readonly string[] => (pid === null ? [] : [whereIs(pid)]);
