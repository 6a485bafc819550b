/**
 * What a process may do, as far as it decides what tsrun does for it. A served caller must stand as the server itself
 * does: then the server does nothing for it that it could not do alone. docs/security.md tells against whom.
 */
import { statusField } from "../container/state/process-info.ts";
import { ERRNO } from "../kernel/errno.ts";
import { isErrno, readLink, readText, readTextIfThere, status } from "../kernel/files.ts";

/** The namespaces that a process has and gives to its children (namespaces(7)). */
const NAMESPACES = [
  ...["cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children", "user", "uts"],
];

/** Lines of proc_pid_status(5) that must be alike, and what they are about. */
const FIELDS = [
  ["Uid", "user"],
  ["Gid", "group"],
  ["CapInh", "capabilities"],
  ["CapPrm", "capabilities"],
  ["CapEff", "capabilities"],
  ["CapBnd", "capabilities"],
  ["CapAmb", "capabilities"],
  ["NoNewPrivs", "no_new_privs"],
  ["Seccomp", "seccomp"],
  ["Seccomp_filters", "seccomp"],
] as const;

/** What is compared: namespaces by their names in /proc/PID/ns, and the rest. */
export interface Standing {
  readonly namespaces: ReadonlyMap<string, string>;
  readonly rest: ReadonlyMap<string, string>;
}

/** How the process with this directory in proc(5), and this status file in there, stands. @throws SyscallError when it has ended */
export function standingOf(proc: string, text = readText(`${proc}/status`)): Standing {
  const namespaces = new Map<string, string>();
  for (const file of NAMESPACES) namespaces.set(file, namespaceOf(proc, file));
  const rest = new Map<string, string>();
  const { device, inode, mount } = status(`${proc}/root`);
  rest.set("root directory", `${device} ${inode} ${mount}`);
  for (const [name, what] of FIELDS) rest.set(what, `${rest.get(what) ?? ""} ${statusField(text, name)}`);
  // Groups decide about files where the user isn't root.
  if (!rest.get("user")?.startsWith(" 0\t")) rest.set("groups", statusField(text, "Groups"));
  rest.set("security label", labelOf(proc));
  return { namespaces, rest };
}

/** Which one it is; empty for that of children which no process has been born in yet. @throws SyscallError */
function namespaceOf(proc: string, file: string): string {
  try {
    return readLink(`${proc}/ns/${file}`);
  } catch (error) {
    if (file === "pid_for_children" && isErrno(error, ERRNO.ENOENT)) return "";
    throw error;
  }
}

/**
 * Filters (seccomp(2)) are counted, not compared. As many as the first process of the pid namespace has are the same ones:
 * every process has inherited those, and nobody takes one away. A server that has others serves nobody.
 */
function hasInheritedFilters(status: string): boolean {
  const first = readTextIfThere("/proc/1/status") ?? "";
  const filters = (text: string) =>
    ["Seccomp", "Seccomp_filters"].map((name) => statusField(text, name)).join();
  return statusField(status, "Seccomp") !== "2" || filters(status) === filters(first);
}

/** The standing to which callers' are compared. */
export function ownStanding(): Standing {
  const status = readText("/proc/self/status");
  const own = standingOf("/proc/self", status);
  return hasInheritedFilters(status)
    ? own
    : { ...own, rest: new Map([...own.rest, ["seccomp", "of its own"]]) };
}

/** Whether the kernel has a security module that labels processes. */
let hasLabels: boolean | null = null;

/** SELinux's context or AppArmor's profile; empty where the kernel has neither. */
function labelOf(proc: string): string {
  hasLabels ??= readableLabel("/proc/self") !== null;
  return hasLabels ? (readableLabel(proc) ?? "") : "";
}

function readableLabel(proc: string): string | null {
  try {
    return readTextIfThere(`${proc}/attr/current`)?.replace(/[\0\n]+$/, "") ?? null;
  } catch {
    return null; // EINVAL: no security module has labels
  }
}

/** What differs, in words; null when nothing does. */
export function differenceOf(own: Standing, other: Standing): string | null {
  for (const [file, value] of own.namespaces)
    if (other.namespaces.get(file) !== value) return `another ${file} namespace`;
  for (const [what, value] of own.rest) if (other.rest.get(what) !== value) return `another ${what}`;
  return own.rest.size === other.rest.size ? null : "another kind of process";
}
