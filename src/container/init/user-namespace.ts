import type { IdMapping } from "../../../runtime-spec/config-linux.ts";
import { SyscallError } from "../../kernel/call.ts";
import { errnoWords } from "../../kernel/errno.ts";
import { readText, writeExisting } from "../../kernel/files.ts";
import { onBehalfOf } from "../../kernel/here.ts";
import { fail } from "../../kernel/user-error.ts";

interface Mappings {
  readonly uidMappings?: readonly IdMapping[];
  readonly gidMappings?: readonly IdMapping[];
}

/**
 * Writes the mappings of a new user namespace, from the parent's side (user_namespaces(7)). `where` is the place of
 * both in config.json. @throws UserError
 */
export function writeMappings(
  pid: number,
  { uidMappings = [], gidMappings = [] }: Mappings,
  where: string,
): void {
  if (uidMappings.length > 0) writeMap(pid, "uid_map", `${where}.uidMappings`, uidMappings);
  if (gidMappings.length > 0) writeMap(pid, "gid_map", `${where}.gidMappings`, gidMappings);
}

/** What a mapping file takes is less than a page (user_namespaces(7)), which has this size at least. */
const PAGE = 4096;

function writeMap(pid: number, file: string, where: string, mappings: readonly IdMapping[]): void {
  const text = mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join("");
  try {
    onBehalfOf(`config.json: ${where}`, () => writeExisting(`/proc/${pid}/${file}`, text));
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const why =
      text.length < PAGE ? "" : `; they take ${text.length} bytes, and must fit into one page of memory`;
    fail(
      where,
      `the kernel refuses these mappings: write /proc/PID/${file}: ${errnoWords(error.errno)}${why}`,
    );
  }
}

/**
 * Refuses mappings beside the path of a user namespace that has others: what tsrun gives to the container's root would be
 * somebody else's. `pid` is in that namespace. @throws UserError
 */
export function checkJoinedMappings(pid: number, { uidMappings = [], gidMappings = [] }: Mappings): void {
  checkMap(pid, "uid_map", "linux.uidMappings", uidMappings);
  checkMap(pid, "gid_map", "linux.gidMappings", gidMappings);
}

function checkMap(pid: number, file: string, where: string, mappings: readonly IdMapping[]): void {
  if (mappings.length === 0) return;
  const rows = readText(`/proc/${pid}/${file}`).trim().split("\n");
  const found = rows.map((row) => row.trim().split(/\s+/).join(" ")).sort();
  const wanted = mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}`).sort();
  if (wanted.join() !== found.join())
    fail(where, `the joined user namespace has other mappings: ${found.join(", ")}; write those, or none`);
}
