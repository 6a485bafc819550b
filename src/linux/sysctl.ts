import { sysctlFile } from "../../runtime-spec/rules-sysctl.ts";
import type { Program } from "../agent/program.ts";
import { close, fsconfigCreate, fsmount, fsopen, openat2, write } from "../kernel/calls.ts";
import {
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from "../kernel/constants.ts";
import { fail } from "../kernel/user-error.ts";

/**
 * Writes `linux.sysctl` through a procfs of the agent's own, which is mounted nowhere: whatever an image or another
 * container has mounted over /proc, no other file can be written instead (CVE-2025-52881).
 */
export function writeSysctls(program: Program, sysctls: Readonly<Record<string, string>>): void {
  const entries = Object.entries(sysctls);
  if (entries.length === 0) return;
  program.by("config.json: linux.sysctl");
  const fs = program.add(fsopen("proc"));
  program.add(fsconfigCreate(fs));
  const proc = program.add(fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC));
  for (const [key, value] of entries) {
    program.by(`config.json: linux.sysctl["${key}"]`);
    const resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
    const file = program.add(openat2(proc, sysctlPath(key), O_WRONLY, resolve));
    program.add(write(file, new TextEncoder().encode(value)));
    program.add(close(file));
  }
}

/** The file of a sysctl in a procfs; validation has checked that it is namespaced. @throws UserError */
export function sysctlPath(name: string): string {
  return `sys/${sysctlFile(name) ?? fail(`linux.sysctl["${name}"]`, "is not the name of a sysctl")}`;
}
