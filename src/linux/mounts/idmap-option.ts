/** Mappings in an option of a mount, in crun's format, which podman passes on. Loaded only for id-mapped mounts. */
import type { IdMapping } from "../../../runtime-spec/config-linux.ts";
import { fail } from "../../kernel/user-error.ts";

export interface Mappings {
  readonly uidMappings: readonly IdMapping[];
  readonly gidMappings: readonly IdMapping[];
}

const KINDS = { uids: "uidMappings", gids: "gidMappings" } as const;
/** Ids must be below this (uid_t without its last value, which means none). */
const MOST = 2 ** 32 - 1;

/**
 * Reads what follows `idmap=`, such as `uids=0-1000-10#10-2000-1;gids=0-1000-10`. A range is the first id of files on
 * disk, the first id that they are shown with on the host, and the number of ids; with `@` before the range the second
 * id is one of the container's user namespace. If uids or gids are not given, the container's mappings are used.
 * @throws UserError at `where`
 */
export function readIdmapOption(where: string, text: string, container: Mappings): Mappings {
  const given: { uidMappings?: readonly IdMapping[]; gidMappings?: readonly IdMapping[] } = {};
  for (const part of text.split(";")) {
    const [kind = "", ranges] = part.split("=", 2);
    if ((kind !== "uids" && kind !== "gids") || ranges === undefined)
      fail(where, `${JSON.stringify(part)} in idmap= is neither uids=RANGES nor gids=RANGES`);
    const name = KINDS[kind];
    given[name] = ranges.split("#").map((range) => readRange(where, range, container[name], name));
  }
  const { uidMappings = container.uidMappings, gidMappings = container.gidMappings } = given;
  if (uidMappings.length === 0 || gidMappings.length === 0)
    fail(where, "idmap= needs uids= and gids=: the container has no mappings of its own to take");
  return { uidMappings, gidMappings };
}

function readRange(where: string, range: string, container: readonly IdMapping[], name: string): IdMapping {
  const [, relative, ...numbers] = /^(@?)(\d+)-(\d+)-(\d+)$/.exec(range) ?? [];
  const [first = MOST, shown = MOST, size = MOST] = numbers.map(Number);
  if (size === 0 || first + size > MOST || shown + size > MOST)
    fail(
      where,
      `${JSON.stringify(range)} in idmap= is no range of ids: FIRST-SHOWN-COUNT, such as 0-1000-10`,
    );
  if (relative === "") return { containerID: first, hostID: shown, size };
  const around = container.find(
    ({ containerID, size: length }) => containerID <= shown && shown + size <= containerID + length,
  );
  if (around === undefined)
    fail(where, `${JSON.stringify(range)} in idmap= is in none of the container's ${name}`);
  return { containerID: first, hostID: around.hostID + shown - around.containerID, size };
}
