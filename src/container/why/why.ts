/** Why a container hangs, or has stopped: `tsrun why`, and the line that a creation which takes long leaves in the log. */
import type { Config } from "../../../runtime-spec/config.ts";
import { parseJson } from "../../../runtime-spec/json.ts";
import { readTextIfThere } from "../../kernel/files.ts";
import { findUnifiedMount } from "../../linux/cgroups/hierarchy.ts";
import type { Known } from "../pods/known.ts";
import { processInfo } from "../state/process-info.ts";
import type { Saved } from "../state/saved.ts";
import { CONFIG_FILE, type StateDirectory } from "../state/state-directory.ts";
import { type ContainerStatus, containerStatus } from "../state/status.ts";
import type { Answer } from "./answer.ts";
import {
  agents,
  type Command,
  commandsOn,
  lineOf,
  lockedBy,
  type ReadCommand,
  shownOf,
  wordsOf,
} from "./commands.ts";
import { type Rehearsed, rehearsed } from "./program.ts";
import { stoppedBecause, stoppedOf } from "./stopped.ts";
import { ageOf, forTime, idleFor, whereIs } from "./task.ts";
import { detailsOf, frozenCgroup, type Scene, type Wait, waitOf } from "./waits.ts";

export interface Asking {
  readonly read: ReadCommand;
  /** The asking process. */
  readonly own: number;
  /** What tells tsrun to print the steps of the container's creation. */
  readonly rehearsal: (saved: Saved, creator: Command | null) => readonly string[];
}

/** Why a container is as it is. */
export async function why(directory: StateDirectory, asking: Asking): Promise<Answer> {
  const { scene, commands } = look(directory, asking);
  const { saved } = scene;
  const status = containerStatus(directory, saved);
  const waits: (readonly [Command, Wait])[] = [];
  for (const command of commands) {
    const wait = await waitOf(command, scene, false);
    if (wait !== null) waits.push([command, wait]);
  }
  const told = waits.flatMap(([command, wait], index) => [
    `pid ${command.pid}, ${forTime(ageOf(command.pid))}: ${lineOf(command)}${index === 0 ? "" : `: ${wait.what}`}`,
    ...detailsOf(wait),
  ]);
  const [first] = waits;
  const { id } = directory;
  if (status === "creating") {
    const what = first?.[1].what ?? "what it waits for can't be seen";
    return { line: `container ${id} is creating: ${what}`, details: first ? told : commands.flatMap(about) };
  }
  const own = answerFor(status, scene);
  if (first === undefined) return own;
  const others = waits.map(([{ pid, verb }, { what }]) => `\`tsrun ${verb}\` (pid ${pid}): ${what}`);
  return { line: `${own.line}; ${others.join("; ")}`, details: [...told, ...own.details] };
}

/** What a command waits for that is done here. */
export interface Here {
  readonly line: string;
  /** The process that it waits for, when that is a child of the asking one. */
  readonly child: number | null;
}

/** What a command on a container waits for, while it is done in this process; null when that can't be told. */
export async function whyHere(directory: StateDirectory, verb: string, asking: Asking): Promise<Here | null> {
  const { scene } = look(directory, asking);
  const { own } = asking;
  const wait = await waitOf({ pid: own, verb, words: [] }, scene, true);
  if (wait === null) return null;
  const isChild = wait.pid !== null && processInfo(wait.pid)?.parent === own;
  return {
    line: `tsrun ${verb} ${directory.id} is not done yet: ${wait.what}`,
    child: isChild ? wait.pid : null,
  };
}

function look(directory: StateDirectory, { read, own, rehearsal }: Asking) {
  const saved = directory.read();
  const holder = lockedBy(directory);
  const others = commandsOn(directory, own, read);
  const unread = holder !== null && holder !== own && others.every(({ pid }) => pid !== holder);
  const commands = unread && others.length === 0 ? [commandOf(holder)] : others;
  let steps: Promise<Rehearsed | null> | null = null;
  const creator = commands.find(({ verb }) => verb === "create" || verb === "run") ?? null;
  const rehearse = () => {
    steps ??= saved === null ? Promise.resolve(null) : rehearsed(rehearsal(saved, creator));
    return steps;
  };
  const scene: Scene = { directory, saved, config: configOf(directory), holder, agents: agents(), rehearse };
  return { scene, commands };
}

/** A process that has the lock, whatever its command line says. */
function commandOf(pid: number): Command {
  const [, ...words] = wordsOf(pid);
  return { pid, verb: words[0] ?? "", words };
}

function configOf(directory: StateDirectory): Config | null {
  const text = readTextIfThere(CONFIG_FILE, directory.fd);
  const path = `${directory.path}/${CONFIG_FILE}`;
  return text === null ? null : (parseJson(text, path) as Config); // validated when the container was made
}

const about = (command: Command): readonly string[] => [
  `pid ${command.pid}, ${forTime(ageOf(command.pid))}: ${lineOf(command)}`,
  whereIs(command.pid),
];

/** What a container is without a command that works on it. */
interface Resting {
  readonly id: string;
  readonly runtime: Known["runtime"];
  readonly status: ContainerStatus;
  readonly init: { readonly pid: number; readonly startTime: number } | null;
  readonly cgroup: string | null;
}

/** Why a container of another runtime is as it is. */
export const whyForeign = (known: Known): Answer =>
  known.status === "stopped"
    ? stoppedBecause({ ...known, mount: findUnifiedMount() ?? null, config: null, directory: null })
    : restingAs(known);

function answerFor(status: ContainerStatus, { directory, saved, config }: Scene): Answer {
  const { id } = directory;
  if (saved === null)
    return {
      line: `container ${id} has no state: its creator was killed; \`tsrun delete --force ${id}\` removes what there is`,
      details: [],
    };
  if (status === "stopped") return stoppedBecause(stoppedOf(saved, directory, config));
  return restingAs({ id, runtime: "tsrun", status, init: saved.init, cgroup: saved.cgroup?.path ?? null });
}

function restingAs({ id, runtime, status, init, cgroup }: Resting): Answer {
  if (init === null) return { line: `container ${id} is ${status}`, details: [] };
  const { pid } = init;
  const details = [whereIs(pid)];
  const age = forTime(ageOf(pid));
  if (status === "created")
    return { line: `container ${id} is created, and waits for \`${runtime} start ${id}\` ${age}`, details };
  const frozen = frozenCgroup(pid);
  if (frozen !== null) {
    const thaw =
      frozen === cgroup
        ? `\`${runtime} resume ${id}\` lets it go on`
        : `it goes on after echo 0 >${frozen}/cgroup.freeze`;
    return { line: `container ${id} is paused: the cgroup ${frozen} is frozen; ${thaw}`, details };
  }
  return {
    line: `container ${id} is ${status}: pid ${pid} (${shownOf(pid)}), ${age}, has last run ${ago(pid)}`,
    details,
  };
}

function ago(pid: number): string {
  const time = forTime(idleFor(pid)).replace("for ", "");
  return time === "" ? "at a time that can't be seen" : `${time} ago`;
}
