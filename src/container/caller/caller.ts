/** Who runs tsrun and where, and what that lets it do. */
import type { Config } from "../../../runtime-spec/config.ts";
import { getegid, geteuid } from "../../kernel/calls.ts";
import { readLink, readTextIfThere } from "../../kernel/files.ts";
import { here } from "../../kernel/here.ts";
import { fail, UserError } from "../../kernel/user-error.ts";
import { isAbsolute, join } from "../../linux/paths.ts";
import type { Unprivileged } from "../../linux/process/credentials.ts";

/** The user who runs tsrun. */
export function getuid(): number {
  return here(geteuid());
}

/** That user's group. */
export function getgid(): number {
  return here(getegid());
}

/** A user's name on the host; the number when /etc/passwd has none. For root the file is not read. */
export function userName(uid: number): string {
  if (uid === 0) return "root";
  const lines = readTextIfThere("/etc/passwd")?.split("\n") ?? [];
  return lines.find((line) => line.split(":")[2] === String(uid))?.split(":")[0] ?? String(uid);
}

/** Absolute path of a path given by the caller. */
export function fromCaller(path: string): string {
  return isAbsolute(path) ? join(path) : join(readLink("/proc/self/cwd"), path);
}

/**
 * Whether tsrun itself is in a user namespace, as when rootless podman calls it. Root in there is an ordinary user to
 * the kernel.
 */
function isInUserNamespace(): boolean {
  const map = readTextIfThere("/proc/self/uid_map")?.trim();
  // The initial one has all ids, in one line.
  return map !== undefined && !(map.startsWith("0 ") && map.endsWith(" 0 4294967295"));
}

/**
 * Whether the caller counts as an ordinary user, who may lack permission for cgroups: as `--rootless` says, else by
 * runc's rule. Root in a user namespace counts as one unless $USER is root, as in whole systems that run in containers;
 * rootless podman passes no $USER at all.
 */
export function isRootless(flag: "auto" | "true" | "false"): boolean {
  if (flag !== "auto") return flag === "true";
  return getuid() !== 0 || (process.env["USER"] !== "root" && isInUserNamespace());
}

/**
 * What is different for the init of an ordinary user's container; null for root's. `creates` says whether its user
 * namespace is new.
 */
export function unprivilegedInit(creates: boolean): Unprivileged | null {
  const uid = getuid();
  return uid !== 0 || isInUserNamespace() ? { dumpable: uid !== 0 && creates } : null;
}

/** The same for a process that joins a container: the processes in there must not be able to trace it. */
export const unprivilegedGuest = () => unprivilegedInit(false);

/** @throws UserError when the caller is not root, as criu must be */
export function requireRoot(): void {
  if (getuid() !== 0) throw new UserError("checkpoint and restore need root: run tsrun with sudo");
}

/** An ordinary user can make namespaces only inside a user namespace. @throws UserError */
export function requireUserNamespace({ linux }: Config): void {
  if (getuid() === 0 || linux?.namespaces?.some(({ type }) => type === "user")) return;
  fail(
    "linux.namespaces",
    'an ordinary user\'s containers need a user namespace: add { "type": "user" } and its mappings, as `tsrun spec --rootless` writes them, or run tsrun as root',
  );
}
