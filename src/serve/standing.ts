/**
 * What a process may do, as far as it decides what tsrun does for it. A served caller must stand as the server itself
 * does: then the server does nothing for it that it could not do alone. docs/security.md tells against whom.
 */
import { readLink, readText, readTextIfThere, status } from "../kernel/files.ts";

/** The namespaces that a process has and gives to its children (namespaces(7)). */
const NAMESPACES = [
  ...["cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time", "time_for_children", "user", "uts"],
];

/** Lines of proc_pid_status(5) that must be alike, and what they are about. */
const FIELDS: Readonly<Record<string, string>> = {
  Uid: "user",
  Gid: "group",
  CapInh: "capabilities",
  CapPrm: "capabilities",
  CapEff: "capabilities",
  CapBnd: "capabilities",
  CapAmb: "capabilities",
  NoNewPrivs: "no_new_privs",
  Seccomp: "seccomp",
  Seccomp_filters: "seccomp",
};

/** What is compared, by what it is about. */
export type Standing = ReadonlyMap<string, string>;

/** How the process with this directory in proc(5), and this status file in there, stands. @throws SyscallError when it has ended */
export function standingOf(proc: string, text = readText(`${proc}/status`)): Standing {
  const standing = new Map<string, string>();
  const note = (what: string, value: string) => standing.set(what, `${standing.get(what) ?? ""} ${value}`);
  for (const type of NAMESPACES) note(`${type} namespace`, readLink(`${proc}/ns/${type}`));
  const { device, inode, mount } = status(`${proc}/root`);
  note("root directory", `${device} ${inode} ${mount}`);
  for (const line of text.split("\n")) {
    const end = line.indexOf(":");
    const what = FIELDS[line.slice(0, end)];
    if (what !== undefined) note(what, line.slice(end + 1).trim());
  }
  // Groups decide about files where the user isn't root.
  if (!standing.get("user")?.trim().startsWith("0\t"))
    note("groups", /^Groups:\s*(.*?)\s*$/m.exec(text)?.[1] ?? "");
  note("security label", labelOf(proc));
  return standing;
}

/** SELinux's context or AppArmor's profile; empty where the kernel has neither. */
function labelOf(proc: string): string {
  try {
    return readTextIfThere(`${proc}/attr/current`)?.replace(/[\0\n]+$/, "") ?? "";
  } catch {
    return ""; // EINVAL: no security module has labels
  }
}

/** What differs, in words; null when nothing does. */
export function differenceOf(own: Standing, other: Standing): string | null {
  for (const [what, value] of own) if (other.get(what) !== value) return `another ${what}`;
  return own.size === other.size ? null : "another kind of process";
}
