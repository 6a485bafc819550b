/** The cgroups and units of pods, as the kernel and systemd have them. */
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { cgroup2Of } from "../../harness/cgroups.ts";
import { shown } from "../../vm/systemd/units.ts";
import type { Pod } from "../pods.ts";

export const MEBIBYTE = 1024 * 1024;
export const PAGE = 4096;

/** Waits for SIGTERM and does nothing until then: where processors are emulated, each process costs. */
export const IDLE = "trap 'exit 0' TERM; sleep 100000 & wait";
/** A network of its own takes a pod long here, and few claims are about it. */
export const ON_HOST = { hostNetwork: true };

/** What files of a cgroup say, such as `{ "cpu.max": "20000 100000" }`. */
export function inCgroup<Name extends string>(path: string, ...files: readonly Name[]): Record<Name, string> {
  return Object.fromEntries(
    files.map((file) => [file, readFileSync(join(path, file), "utf8").trim()]),
  ) as Record<Name, string>; // fromEntries knows no keys
}

/** The cgroups of a pod: its slice, that of its first container, and the sandbox's. */
export async function cgroupsOf(pod: Pod) {
  const scope = cgroup2Of(await pod.pid());
  return { scope, slice: dirname(scope), sandbox: cgroup2Of((await pod.sandbox()).pid) };
}

/** Properties of a cgroup's unit, as systemd prints them. */
export function unitOf<Name extends string>(cgroup: string, ...names: readonly Name[]): Record<Name, string> {
  const unit = basename(cgroup);
  return Object.fromEntries(names.map((name) => [name, shown(unit, name)])) as Record<Name, string>; // the same
}

/** Whether any of these cgroups is there, or systemd knows a unit of it. */
export function isLeft(...cgroups: readonly string[]): boolean {
  return cgroups.some(
    (cgroup) => existsSync(cgroup) || shown(basename(cgroup), "ActiveState") !== "inactive",
  );
}
