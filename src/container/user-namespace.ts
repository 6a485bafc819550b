import type { Config } from "../../runtime-spec/config.ts";
import type { IdMapping } from "../../runtime-spec/config-linux.ts";
import { SyscallError } from "../kernel/call.ts";
import { errnoName, errnoText } from "../kernel/errno.ts";
import { writeExisting } from "../kernel/files.ts";
import { fail } from "../linux/config-error.ts";

/** Writes the mappings of a new user namespace, from the parent's side (user_namespaces(7)). @throws ConfigError */
export function writeMappings(pid: number, { linux = {} }: Config): void {
  writeMap(pid, "uid_map", "linux.uidMappings", linux.uidMappings ?? []);
  writeMap(pid, "gid_map", "linux.gidMappings", linux.gidMappings ?? []);
}

function writeMap(pid: number, file: string, where: string, mappings: readonly IdMapping[]): void {
  const lines = mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`);
  try {
    writeExisting(`/proc/${pid}/${file}`, lines.join(""));
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    fail(
      where,
      `the kernel refuses these mappings: write /proc/PID/${file}: ${errnoName(error.errno)} (${errnoText(error.errno)})`,
    );
  }
}
