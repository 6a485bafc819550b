/** Commands of tsrun that work on a container at this moment, and the agents that act for them. */
import { parkedMapping, wholeMapping } from "../../agent/mailbox-file.ts";
import { type Performed, performedIn } from "../../agent/peek.ts";
import { SyscallError } from "../../kernel/call.ts";
import { CWD, close, openat } from "../../kernel/calls.ts";
import { O_RDONLY } from "../../kernel/constants.ts";
import { readLink, status } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { listDirectory } from "../../kernel/list-directory.ts";
import { processInfo, statusField } from "../state/process-info.ts";
import type { StateDirectory } from "../state/state-directory.ts";
import { textOf } from "./task.ts";

/** A command line, read. */
interface Asked {
  readonly verb: string;
  /** The container that it is about. */
  readonly id: string;
  /** Its `--root`, absolute; null where the default holds. */
  readonly root: string | null;
}

/** Reads the words after a process's name; null for what is no command on a container. */
export type ReadCommand = (argv: readonly string[], pid: number) => Asked | null;

export interface Command {
  readonly pid: number;
  readonly verb: string;
  /** The words after the program's name. */
  readonly words: readonly string[];
}

export const lineOf = ({ words }: Command): string => ["tsrun", ...words].join(" ");

export const processes = (): readonly number[] =>
  (listDirectory("/proc") ?? []).map(({ name }) => Number(name)).filter((pid) => pid > 0);

/** The words of a process's command line; none of a zombie. */
export const wordsOf = (pid: number): readonly string[] =>
  textOf(`/proc/${pid}/cmdline`)?.replace(/\0$/, "").split("\0") ?? [];

/** As much of a command line is shown: a process can make its own as long as it likes. */
const MOST_SHOWN = 200;

/** A process's command line; its name if it has none, or none any more. */
export function shownOf(pid: number): string {
  const text = wordsOf(pid).join(" ") || (processInfo(pid)?.name ?? "");
  return text.length <= MOST_SHOWN ? text : `${text.slice(0, MOST_SHOWN)}…`;
}

/** Those on the container whose state is in this directory, but for the caller's own. */
export function commandsOn({ id, path }: StateDirectory, own: number, read: ReadCommand): readonly Command[] {
  const { uid } = status(path);
  return processes().flatMap((pid) => {
    if (pid === own || !mayAct(pid, uid)) return [];
    const words = wordsOf(pid);
    if (!words.includes(id)) return [];
    const asked = read(words.slice(1), pid);
    if (asked?.id !== id || (asked.root !== null && `${asked.root}/${id}` !== path)) return [];
    return [{ pid, verb: asked.verb, words: words.slice(1) }];
  });
}

/**
 * Whether a process may change a container whose state belongs to this user. Any process can call itself `tsrun kill`,
 * those of containers, too: they are in PID namespaces below the caller's, so the kernel knows more pids of theirs. To be
 * asked before words are read, which are in the process's memory: that may be a file on a file system that never answers.
 */
function mayAct(pid: number, owner: number): boolean {
  const [process, caller] = [pid, "self"].map((one) => textOf(`/proc/${one}/status`) ?? "");
  const pids = (text = "") => statusField(text, "NSpid").split("\t").length;
  const user = Number(statusField(process ?? "", "Uid").split("\t")[1]);
  return pids(process) === pids(caller) && (user === 0 || user === owner);
}

/** The process that has a container's lock (flock(2)); null when nobody has it, or one of another PID namespace. */
export function lockedBy(directory: StateDirectory): number | null {
  const { device, inode } = status(directory.path);
  const [major, minor] = device.map((number) => number.toString(16).padStart(2, "0"));
  const lock = new RegExp(`^\\d+: FLOCK +\\w+ +WRITE (\\d+) ${major}:${minor}:${inode} `, "m");
  const pid = Number(lock.exec(textOf("/proc/locks") ?? "")?.[1] ?? 0);
  return pid > 0 ? pid : null;
}

/** An agent that acts for a command. */
export interface Agent {
  readonly pid: number;
  readonly parent: number;
  /** Its mailbox file as proc(5) shows it. */
  readonly file: string;
  readonly mapping: string;
}

const MAPPINGS = [wholeMapping(), parkedMapping()];

/** All agents of tsrun on this machine that the caller may trace. */
export function agents(): readonly Agent[] {
  return processes().flatMap((pid) => {
    for (const mapping of MAPPINGS) {
      const file = linkOf(`/proc/${pid}/map_files/${mapping}`);
      if (file !== null) return [{ pid, parent: processInfo(pid)?.parent ?? 0, file, mapping }];
    }
    return [];
  });
}

function linkOf(path: string): string | null {
  try {
    return readLink(path);
  } catch (error) {
    if (error instanceof SyscallError) return null;
    throw error;
  }
}

/** What an agent performs; null while it waits for tsrun, and where the caller may not look. */
export function performedBy(agent: Agent, mailbox: string): Performed | null {
  const fd = openMailbox(agent, mailbox);
  if (fd === null) return null;
  try {
    const own = innermost(agent.pid);
    return performedIn(fd).find(({ pid }) => pid === own) ?? null;
  } finally {
    here(close(fd));
  }
}

/** Following the link takes CAP_SYS_ADMIN: an ordinary user's mailbox is in the state directory, or open in tsrun. */
function openMailbox({ pid, parent, mapping, file }: Agent, mailbox: string): number | null {
  const places = [`/proc/${pid}/map_files/${mapping}`];
  if (file === mailbox) places.push(mailbox);
  const descriptors = linkedIn(`/proc/${parent}/fd`).filter(([, link]) => link === file);
  for (const path of [...places, ...descriptors.map(([path]) => path)]) {
    const fd = attempt(openat(CWD, path, O_RDONLY));
    if (fd >= 0) return fd;
  }
  return null;
}

function linkedIn(directory: string): readonly (readonly [path: string, link: string | null])[] {
  try {
    const names = (listDirectory(directory) ?? []).map(({ name }) => `${directory}/${name}`);
    return names.map((path) => [path, linkOf(path)]);
  } catch (error) {
    if (error instanceof SyscallError) return [];
    throw error;
  }
}

/** The processes that a process holds descriptors of (pidfd_open(2)). */
export const pidfdsOf = (pid: number): readonly number[] =>
  linkedIn(`/proc/${pid}/fd`).flatMap(([path, link]) => {
    if (!link?.includes("[pidfd]")) return [];
    const [, held] = /^Pid:\s*(\d+)$/m.exec(textOf(path.replace("/fd/", "/fdinfo/")) ?? "") ?? [];
    return held === undefined ? [] : [Number(held)];
  });

/** A process's pid as it knows it itself. */
function innermost(pid: number): number {
  const status = textOf(`/proc/${pid}/status`) ?? "";
  return Number(statusField(status, "NSpid").split("\t").at(-1));
}
