/**
 * What may be mounted in a container's /proc. Programs, above all set-user-ID ones, trust what they read and write
 * there, and a mount could deceive them (CVE-2019-16884, CVE-2025-52881). tsrun itself never uses that /proc.
 */
import type { Mount } from "../../../runtime-spec/config.ts";
import type { Program } from "../../agent/program.ts";
import type { Fd, StepResult } from "../../kernel/call.ts";
import { CWD, close, fstatfs, openat, statx } from "../../kernel/calls.ts";
import { AT_EMPTY_PATH, O_PATH, PROC_SUPER_MAGIC } from "../../kernel/constants.ts";
import { errnoWords } from "../../kernel/errno.ts";
import { attempt, here } from "../../kernel/here.ts";
import { type DeviceNumber, readStatx, STATFS_SIZE, STATX_SIZE, statfsType } from "../../kernel/structs.ts";
import { fail } from "../../kernel/user-error.ts";
import { isBind } from "./mount-options.ts";

/** The only files in proc that a mount may hide, as in runc: lxcfs and others put their own figures there. */
const REPLACEABLE: ReadonlySet<string> = new Set([
  "proc/cpuinfo",
  "proc/diskstats",
  "proc/loadavg",
  "proc/meminfo",
  "proc/net/dev",
  "proc/slabinfo",
  "proc/stat",
  "proc/swaps",
  "proc/uptime",
  "proc/sys/crypto/fips_enabled",
  "proc/sys/kernel/ns_last_pid",
]);

/** Refuses a mount on `path`, its destination without symlinks. @throws UserError */
export function refuseProcPlace(where: string, mount: Mount, path: string): void {
  const { destination, type } = mount;
  if (path.startsWith("proc/") && !REPLACEABLE.has(path)) refuseInside(where, destination);
  if (path === "proc" && type !== "proc" && !isBind(mount))
    fail(`${where}.destination`, `only proc may be mounted on /proc, not ${type ?? "this"}`);
}

/** Refuses a bind mount on /proc whose source is no procfs. @throws UserError */
export function requireProcfs(where: string, source: string): void {
  const statfs = new Uint8Array(STATFS_SIZE);
  const fd = attempt(openat(CWD, source, O_PATH));
  if (fd < 0) fail(`${where}.source`, `cannot open ${source}: ${errnoWords(-fd)}`);
  here(fstatfs(fd, statfs));
  here(close(fd));
  if (statfsType(statfs) !== PROC_SUPER_MAGIC)
    fail(`${where}.source`, `only a procfs may be bound on /proc, and ${source} is none`);
}

/**
 * Checks, when the mounts are made, whether a mount point is in the procfs on /proc: a link in an earlier mount may
 * lead there, or a link that has replaced the directory which `refuseProcPlace` checked.
 */
export class ProcGuard {
  private proc: StepResult | null = null;
  /** The device of the one that is there already, in a container that runs. */
  private readonly known: DeviceNumber | null;

  constructor(known: DeviceNumber | null = null) {
    this.known = known;
  }

  /** Notes the procfs on /proc, as a mount. */
  watch(program: Program, proc: Fd): void {
    this.proc = program.add(statx(proc, "", AT_EMPTY_PATH, { room: STATX_SIZE }));
  }

  /** `target` is the opened mount point, and `path` where it should be. */
  check(program: Program, target: Fd, where: string, destination: string, path: string): void {
    const { proc, known } = this;
    if ((proc === null && known === null) || path === "proc" || REPLACEABLE.has(path)) return;
    const place = program.add(statx(target, "", AT_EMPTY_PATH, { room: STATX_SIZE }));
    program.afterwards((results) => {
      const its = proc === null ? known : readStatx(results.filled(proc)).device;
      if (`${its}` === `${readStatx(results.filled(place)).device}`) refuseInside(where, destination);
    });
  }
}

function refuseInside(where: string, destination: string): never {
  return fail(
    `${where}.destination`,
    `${destination} is inside /proc, where a mount could deceive programs that trust it`,
  );
}
