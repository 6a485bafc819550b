/**
 * The id mappings of an ordinary user's container (user_namespaces(7)): the user alone, written directly, or ranges of
 * /etc/subuid and /etc/subgid, written by newuidmap(1) and newgidmap(1), which are allowed to.
 *
 * Loaded only for ordinary users.
 */
import type { IdMapping } from "../../../runtime-spec/config-linux.ts";
import type { Caller } from "../../agent/caller.ts";
import { readTextIfThere, writeExisting } from "../../kernel/files.ts";
import { fail } from "../../kernel/user-error.ts";
import { userName } from "../caller/caller.ts";
import { writeMappings } from "./user-namespace.ts";

type User = Pick<Caller, "uid" | "gid">;

interface Mappings {
  readonly uidMappings?: readonly IdMapping[];
  readonly gidMappings?: readonly IdMapping[];
}

/** @throws UserError */
export function writeOrdinaryMappings(
  user: User,
  pid: number,
  { uidMappings = [], gidMappings = [] }: Mappings,
): void {
  if (isOnly(user.gid, gidMappings)) {
    // Otherwise a user could drop a group that denies access to something (user_namespaces(7)).
    writeExisting(`/proc/${pid}/setgroups`, "deny");
    writeMappings(pid, { gidMappings }, "linux");
  } else help(user, "newgidmap", "/etc/subgid", "linux.gidMappings", pid, gidMappings);
  if (isOnly(user.uid, uidMappings)) writeMappings(pid, { uidMappings }, "linux");
  else help(user, "newuidmap", "/etc/subuid", "linux.uidMappings", pid, uidMappings);
}

/** Whether the mappings map this id and no other. */
export function isOnly(id: number, mappings: readonly IdMapping[]): boolean {
  const [first] = mappings;
  return mappings.length === 1 && first?.hostID === id && first.size === 1;
}

function help(
  user: User,
  program: string,
  file: string,
  where: string,
  pid: number,
  mappings: readonly IdMapping[],
): void {
  const path = Bun.which(program);
  if (path === null)
    fail(
      where,
      `to map other ids than their own, an ordinary user needs ${program}, which is not in PATH (Debian: uidmap)`,
    );
  const ids = mappings.flatMap(({ containerID, hostID, size }) => [containerID, hostID, size]).map(String);
  const { exitCode, stderr } = Bun.spawnSync([path, String(pid), ...ids], {
    stdin: "ignore",
    stdout: "ignore",
  });
  if (exitCode === 0) return;
  const said = stderr.toString().trim().split("\n").join(" | ");
  const ranges = mappings.map(({ hostID, size }) =>
    size === 1 ? `${hostID}` : `${hostID}-${hostID + size - 1}`,
  );
  fail(where, `${program} refuses to map ${ranges.join(", ")}: ${said}; ${grants(user, file)}`);
}

/** Maps the caller's own ids and the first range of each that is granted to it. @throws UserError */
export function mapGranted(user: User, pid: number): void {
  const mappings = (own: number, file: string, program: string, where: string) => {
    const [, first, size] = granted(user, file)[0]?.split(":") ?? fail(where, grants(user, file));
    const range = { containerID: 1, hostID: Number(first), size: Number(size) };
    help(user, program, file, where, pid, [{ containerID: 0, hostID: own, size: 1 }, range]);
  };
  mappings(user.gid, "/etc/subgid", "newgidmap", "linux.gidMappings");
  mappings(user.uid, "/etc/subuid", "newuidmap", "linux.uidMappings");
}

/** Whether ranges of both kinds of ids are granted to the caller. */
export function hasGrants(user: User): boolean {
  return ["/etc/subuid", "/etc/subgid"].every((file) => granted(user, file).length > 0);
}

/** What a file such as /etc/subuid (subuid(5)) grants to the caller. */
function grants(user: User, file: string): string {
  const lines = granted(user, file);
  return lines.length > 0
    ? `${file} grants ${lines.join(", ")}`
    : `${file} has no line for you, such as ${userName(user.uid)}:100000:65536`;
}

function granted({ uid }: User, file: string): readonly string[] {
  const names = [String(uid), userName(uid)];
  return (readTextIfThere(file) ?? "").split("\n").filter((line) => names.includes(line.split(":")[0] ?? ""));
}
