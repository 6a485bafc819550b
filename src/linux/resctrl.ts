/**
 * `linux.intelRdt`: a share of the processor's caches and memory bandwidth, through the resctrl file system (the
 * kernel's Documentation/filesystems/resctrl.rst; config-linux.md#intelrdt).
 *
 * Loaded only for the containers that ask for it.
 */
import type { IntelRdt } from "../../runtime-spec/config-linux.ts";
import { SyscallError } from "../kernel/call.ts";
import { ERRNO, errnoWords } from "../kernel/errno.ts";
import {
  isErrno,
  makeDirectory,
  readText,
  removeDirectory,
  statusIfThere,
  writeExisting,
} from "../kernel/files.ts";
import { fail } from "../kernel/user-error.ts";
import { mountTable } from "./mounts/mount-table.ts";

/** Directories of resctrl that `delete` removes. */
export interface ResctrlGroups {
  readonly paths: readonly string[];
}

/** Where resctrl is mounted. @throws UserError when it is not */
export function resctrlMount(): string {
  const mount = mountTable().find(({ type }) => type === "resctrl");
  return (
    mount?.point ??
    fail(
      "linux.intelRdt",
      "this host has no resctrl file system: on a processor with Intel RDT or AMD QoS, mount -t resctrl resctrl /sys/fs/resctrl",
    )
  );
}

/**
 * The resctrl group of a container: a control group of its own, which is removed with it, or that of `closID`, which
 * others may share and which stays; with `enableMonitoring`, a monitoring group in it.
 */
export class Resctrl {
  readonly groups: ResctrlGroups;
  private readonly group: string;
  private readonly monitor: string | null;
  private readonly wanted: IntelRdt;

  /** @throws UserError on a host without resctrl */
  constructor(id: string, wanted: IntelRdt, root = resctrlMount()) {
    const { closID, enableMonitoring } = wanted;
    this.wanted = wanted;
    this.group = `${root}/${closID ?? id}`;
    this.monitor = enableMonitoring ? `${this.group}/mon_groups/${id}` : null;
    this.groups = {
      paths: [
        ...(this.monitor === null ? [] : [this.monitor]),
        ...(closID === undefined ? [this.group] : []),
      ],
    };
  }

  /** Makes the groups and puts a process into them. @throws UserError */
  join(pid: number): void {
    const { group, monitor, wanted } = this;
    const lines = wantedLines(wanted);
    const there = statusIfThere(group) !== null;
    if (!there && wanted.closID !== undefined && lines.length === 0)
      fail("linux.intelRdt.closID", `there is no group ${group}, and no schemata to make one with`);
    if (!there) this.make(lines);
    else if (lines.length > 0) requireSame(group, lines);
    this.step(`cannot join ${group}`, () => writeExisting(`${group}/tasks`, String(pid)));
    if (monitor === null) return;
    this.step(`cannot make ${monitor}`, () => makeDirectory(monitor));
    this.step(`cannot join ${monitor}`, () => writeExisting(`${monitor}/tasks`, String(pid)));
  }

  leave(): void {
    leaveResctrl(this.groups);
  }

  private make(lines: readonly string[]): void {
    const { group } = this;
    this.step(`cannot make ${group}`, () => makeDirectory(group));
    this.write(lines);
  }

  /** Writes lines to the group's schemata, which keeps its others. @throws UserError */
  write(lines: readonly string[]): void {
    const { group } = this;
    for (const line of lines)
      this.step(`cannot write ${JSON.stringify(line)} to ${group}/schemata`, () =>
        writeExisting(`${group}/schemata`, `${line}\n`),
      );
  }

  private step(what: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      const hint = isErrno(error, ERRNO.ENOSPC) ? "; the processor has no more groups" : "";
      const { errno } = error;
      fail("linux.intelRdt", `${what}: ${errnoWords(errno)}${hint}${lastStatus(this.group)}`);
    }
  }
}

/**
 * Changes the schemata of a running container. If it has no group yet, one is made; `groups` then says what to remove
 * with the container. @throws UserError
 */
export function changeSchemata(
  id: string,
  pid: number,
  current: IntelRdt | undefined,
  { l3CacheSchema, memBwSchema }: { readonly [K in "l3CacheSchema" | "memBwSchema"]: string | undefined },
  root = resctrlMount(),
): { readonly intelRdt: IntelRdt; readonly groups: ResctrlGroups | null } {
  const wanted = {
    ...(l3CacheSchema === undefined ? {} : { l3CacheSchema }),
    ...(memBwSchema === undefined ? {} : { memBwSchema }),
  };
  const resctrl = new Resctrl(id, { ...current, ...wanted }, root);
  if (current === undefined) resctrl.join(pid);
  else resctrl.write(wantedLines(wanted));
  return { intelRdt: { ...current, ...wanted }, groups: current === undefined ? resctrl.groups : null };
}

/** The lines of `schemata`, in the order in which they are written. */
function wantedLines({ l3CacheSchema, memBwSchema, schemata = [] }: IntelRdt): readonly string[] {
  return [...(l3CacheSchema ?? "").split("\n"), memBwSchema ?? "", ...schemata].filter((line) => line !== "");
}

/** An existing group must already be as the config says, since others may depend on it. */
function requireSame(group: string, lines: readonly string[]): void {
  const normal = (line: string) => line.replaceAll(/\s/g, "").replaceAll(/=0*(?=[0-9a-f])/gi, "=");
  const there = readText(`${group}/schemata`).split("\n").map(normal);
  for (const line of lines)
    if (!there.includes(normal(line)))
      fail("linux.intelRdt.closID", `the group ${group} exists already, without ${JSON.stringify(line)}`);
}

/** The kernel's own message about a refused write. */
function lastStatus(group: string): string {
  const info = `${group.slice(0, group.lastIndexOf("/"))}/info/last_cmd_status`;
  if (statusIfThere(info) === null) return "";
  const text = readText(info).trim();
  return text === "ok" || text === "" ? "" : `; the kernel says: ${text}`;
}

/** Removes what `Resctrl.join` has made; the processes in there have ended, or go back to the group above. */
export function leaveResctrl({ paths }: ResctrlGroups): void {
  for (const path of paths) removeDirectory(path);
}
