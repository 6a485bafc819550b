/** User namespaces and their id mappings (user_namespaces(7)). */

import { Config, Mount } from "./config.ts";
import { Linux, type Namespace, namespaceIndex } from "./config-linux.ts";
import type { IdMapping } from "./defs.ts";
import type { Key, Report } from "./report.ts";
import { needs } from "./rules-namespaces.ts";
import { rule } from "./walk.ts";

const NAMES = ["uidMappings", "gidMappings"] as const;

export const ID_MAPPING_RULES = [
  rule(Linux, mappingsAreDisjoint, NAMES),
  rule(Mount, mappingsAreDisjoint, NAMES),
  rule(Linux, mappingsFitUserNamespace, ["namespaces", ...NAMES]),
  rule(Mount, mountMapsBothKinds, NAMES),
  rule(Config, idmapHasMappings, ["mounts", "linux.namespaces"]),
  rule(Config, userIsMapped, ["process.user", "linux.namespaces", "linux.uidMappings", "linux.gidMappings"]),
];

interface Mapped {
  readonly uidMappings?: readonly IdMapping[];
  readonly gidMappings?: readonly IdMapping[];
}

function userNamespace(linux: Linux | undefined): Namespace | undefined {
  return linux?.namespaces?.[namespaceIndex(linux.namespaces, "user")];
}

/** The kernel takes up to 340 mappings, none of which may reach 4294967295 or overlap another. */
function mappingsAreDisjoint(owner: Mapped, report: Report): void {
  for (const name of NAMES) {
    const mappings = owner[name] ?? [];
    if (mappings.length > 340)
      report.problem(`must not have more than 340 mappings, found ${mappings.length}`, name);
    for (const id of ["containerID", "hostID"] as const) rangesAreDisjoint(mappings, id, report, name);
  }
}

function rangesAreDisjoint(
  mappings: readonly IdMapping[],
  id: "containerID" | "hostID",
  report: Report,
  ...place: Key[]
): void {
  for (const [index, mapping] of mappings.entries()) {
    const end = mapping[id] + mapping.size;
    if (end > 2 ** 32 - 1) {
      report.problem(
        `is too large: ${id} + size must not exceed 4294967295, found ${end}`,
        ...place,
        index,
        "size",
      );
    }
    const other = mappings.slice(0, index).findIndex((earlier) => overlap(earlier, mapping, id));
    if (other !== -1) report.problem(`overlaps the mapping in [${other}]`, ...place, index, id);
  }
}

function overlap(a: IdMapping, b: IdMapping, id: "containerID" | "hostID"): boolean {
  return a[id] < b[id] + b.size && b[id] < a[id] + a.size;
}

const EXAMPLE = '{ "containerID": 0, "hostID": 100000, "size": 65536 }';

function mappingsFitUserNamespace(linux: Linux, report: Report): void {
  const user = userNamespace(linux);
  for (const name of NAMES) {
    const mapped = (linux[name] ?? []).length > 0;
    if (mapped && user === undefined) {
      report.problem(needs("user"), name);
    }
    if (!mapped && user !== undefined && user.path === undefined) {
      report.problem(
        `is required: a new user namespace maps no ids by itself; write [${EXAMPLE}], or what "tsrun spec --rootless" writes`,
        name,
      );
    }
  }
}

function mountMapsBothKinds(mount: Mount, report: Report): void {
  const [uids, gids] = [mount.uidMappings ?? [], mount.gidMappings ?? []];
  if (uids.length > 0 && gids.length === 0)
    report.problem("is required together with uidMappings", "gidMappings");
  if (gids.length > 0 && uids.length === 0)
    report.problem("is required together with gidMappings", "uidMappings");
}

function idmapHasMappings({ mounts = [], linux }: Config, report: Report): void {
  if (userNamespace(linux) !== undefined) return;
  for (const [index, { options = [], uidMappings = [] }] of mounts.entries()) {
    const option = Math.max(options.indexOf("idmap"), options.indexOf("ridmap"));
    if (option === -1 || uidMappings.length > 0) continue;
    report.problem(
      "needs uidMappings and gidMappings in the mount, or a user namespace",
      "mounts",
      index,
      "options",
      option,
    );
  }
}

/** The kernel refuses ids without a mapping. (That there are mappings is another rule's affair.) */
function userIsMapped({ process, linux }: Config, report: Report): void {
  const namespace = userNamespace(linux);
  if (namespace === undefined || namespace.path !== undefined) return;
  const { uid = 0, gid = 0, additionalGids = [] } = process?.user ?? {};
  const check = (id: number, name: (typeof NAMES)[number], ...place: Key[]) => {
    const mappings = linux?.[name] ?? [];
    if (mappings.length === 0 || mappings.some((mapping) => maps(mapping, id))) return;
    report.problem(`is not mapped by linux.${name}: ${id}`, "process", "user", ...place);
  };
  check(uid, "uidMappings", "uid");
  check(gid, "gidMappings", "gid");
  for (const [index, id] of additionalGids.entries()) check(id, "gidMappings", "additionalGids", index);
}

function maps({ containerID, size }: IdMapping, id: number): boolean {
  return id >= containerID && id < containerID + size;
}
