/** The steps that make a container, as `--dry-run` and `--debug` print them: one line each, below their property. */
import type { Step } from "../../agent/program.ts";
import type { Call } from "../../kernel/call.ts";
import { O_ACCMODE, O_CREAT } from "../../kernel/constants.ts";
import { errnoName } from "../../kernel/errno.ts";
import { spell } from "../../kernel/spell/spell.ts";
import type { SyscallName } from "../../kernel/syscall-numbers.ts";

/** One action, and who performs it. */
export interface Deed {
  readonly by: "tsrun" | "stage" | "init" | "host agent" | "hook";
  /** The property that asks for it; empty if none does. */
  readonly owner: string;
  readonly text: string;
}

/** The rest of a hook's owner, which is meant for errors. */
const ERROR = /: error running .*/;

/** Steps that an agent makes for no property are listed below its name alone. */
const OWN: ReadonlySet<string> = new Set(["", "container's init", "stage process", "host agent"]);

/** An owner without what is meant for errors. */
export const propertyOf = (owner: string): string => owner.replace(ERROR, "");

/** The lines of actions, with a heading wherever the actor or the property changes. */
export function* listed(deeds: Iterable<Deed>): Generator<string> {
  let last = "";
  for (const { by, owner, text } of deeds) {
    const heading = OWN.has(owner) ? `# ${by}` : `# ${by}: ${propertyOf(owner)}`;
    if (heading !== last) yield heading;
    last = heading;
    yield text;
  }
}

/** `$17 mkdirat($16, "proc", 0755)` */
export const stepText = (index: number, { call }: Step): string => `$${index} ${spell(call)}`;

/** Where a step's error or success leads, if not to the end or the next step. */
export function consequences(index: number, { tolerate, skipOnError, skipOnSuccess }: Step): string {
  const errors = tolerate === "all" ? "errors" : tolerate.map(errnoName).join(", ");
  const words: string[] = [];
  if (skipOnSuccess > 0) words.push(`success: on to $${index + 1 + skipOnSuccess}`);
  if (errors !== "" && skipOnError > 0) words.push(`${errors}: on to $${index + 1 + skipOnError}`);
  else if (errors !== "") words.push(`${errors} tolerated`);
  return words.length === 0 ? "" : `  (${words.join("; ")})`;
}

/** Calls by which tsrun changes something; others read, wait, or are part of such a call. */
const CHANGES: ReadonlySet<string> = new Set<SyscallName>([
  ...(["write", "mkdirat", "mknodat", "symlinkat", "unlinkat", "renameat2"] as const),
  ...(["fchown", "fchownat", "fchmod", "fchmodat", "utimensat", "sendfile"] as const),
  ...(["mount", "umount2", "open_tree", "move_mount", "mount_setattr"] as const),
  ...(["fsopen", "fsconfig", "fsmount", "setns", "unshare", "bpf", "keyctl"] as const),
  ...(["sched_setattr", "sched_setaffinity", "ioprio_set"] as const),
  ...(["connect", "bind", "sendto", "sendmsg", "kill", "pidfd_send_signal"] as const),
]);

export function isChange({ name, args }: Call): boolean {
  return CHANGES.has(name) || (name === "prlimit64" && args[2] !== 0);
}

/** Whether a file is opened for writing, or created. */
export function opensToWrite({ name, args: [, , flags] }: Call): boolean {
  return name === "openat" && typeof flags === "number" && (flags & (O_ACCMODE | O_CREAT)) !== 0;
}

/** Paths of tsrun's descriptors, so that `write(12, …)` says where. */
export class Paths {
  private readonly paths = new Map<number, string>();

  set(fd: number, path: string): void {
    this.paths.set(fd, path);
  }

  /** Remembers the path of an opened descriptor until it is closed. */
  note({ name, args: [directory, path] }: Call, fd: number): void {
    if (name === "close") this.paths.delete(Number(directory));
    if (typeof path !== "string" || (name !== "openat" && name !== "openat2")) return;
    const base = this.get(directory);
    this.paths.set(fd, path.startsWith("/") || base === undefined ? path : `${base}/${path}`);
  }

  get(fd: unknown): string | undefined {
    return typeof fd === "number" ? this.paths.get(fd) : undefined;
  }

  /** The call with the path of its descriptor. */
  spell(call: Call): string {
    return spellAt(call, this.get(call.args[0]));
  }
}

/** `write(12</proc/7/uid_map>, "0 1000 1\n", 9)`, like strace -y. */
export function spellAt(call: Call, path: string | undefined): string {
  const spelled = spell(call);
  return path === undefined ? spelled : spelled.replace(/\(\d+/, (number) => `${number}<${path}>`);
}
