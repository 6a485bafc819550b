/** Who called tsrun, and what that lets it do. */
import type { Config } from "../../../runtime-spec/config.ts";
import type { Caller } from "../../agent/caller.ts";
import { readLink, readTextIfThere } from "../../kernel/files.ts";
import { fail, UserError } from "../../kernel/user-error.ts";
import { isAbsolute, join } from "../../linux/paths.ts";
import type { Unprivileged } from "../../linux/process/credentials.ts";

/** A user's name on the host; the number when /etc/passwd has none. For root the file is not read. */
export function userName(uid: number): string {
  if (uid === 0) return "root";
  const lines = readTextIfThere("/etc/passwd")?.split("\n") ?? [];
  return lines.find((line) => line.split(":")[2] === String(uid))?.split(":")[0] ?? String(uid);
}

/** Absolute path of a path that the caller gives. */
export function fromCaller({ proc }: Pick<Caller, "proc">, path: string): string {
  return isAbsolute(path) ? join(path) : join(readLink(`${proc}/cwd`), path);
}

/** What was found: several ask, and reading it costs four system calls. */
const inUserNamespace = new WeakMap<Caller, boolean>();

/**
 * Whether the caller is in a user namespace, as when rootless podman calls tsrun. Root in there is an ordinary user to
 * the kernel.
 */
function isInUserNamespace(caller: Caller): boolean {
  const known = inUserNamespace.get(caller);
  if (known !== undefined) return known;
  const map = readTextIfThere(`${caller.proc}/uid_map`)?.trim();
  // The initial one has all ids, in one line.
  const is = map !== undefined && !(map.startsWith("0 ") && map.endsWith(" 0 4294967295"));
  inUserNamespace.set(caller, is);
  return is;
}

/**
 * Whether the caller counts as an ordinary user, who may lack permission for cgroups: as `--rootless` says, else by
 * runc's rule. Root in a user namespace counts as one unless $USER is root, as in whole systems that run in containers;
 * rootless podman passes no $USER at all.
 */
export function isRootless(caller: Caller, flag: "auto" | "true" | "false"): boolean {
  if (flag !== "auto") return flag === "true";
  return caller.uid !== 0 || (caller.env["USER"] !== "root" && isInUserNamespace(caller));
}

/**
 * What is different for the init of an ordinary user's container; null for root's. `creates` says whether its user
 * namespace is new.
 */
export function unprivilegedInit(caller: Caller, creates: boolean): Unprivileged | null {
  const { uid } = caller;
  return uid !== 0 || isInUserNamespace(caller) ? { dumpable: uid !== 0 && creates } : null;
}

/** The same for a process that joins a container: the processes in there must not be able to trace it. */
export const unprivilegedGuest = (caller: Caller) => unprivilegedInit(caller, false);

/** @throws UserError when the caller is not root, as criu must be */
export function requireRoot({ uid }: Caller): void {
  if (uid !== 0) throw new UserError("checkpoint and restore need root: run tsrun with sudo");
}

/** An ordinary user can make namespaces only inside a user namespace. @throws UserError */
export function requireUserNamespace({ uid }: Caller, { linux }: Config): void {
  if (uid === 0 || linux?.namespaces?.some(({ type }) => type === "user")) return;
  fail(
    "linux.namespaces",
    'an ordinary user\'s containers need a user namespace: add { "type": "user" } and its mappings, as `tsrun spec --rootless` writes them, or run tsrun as root',
  );
}
