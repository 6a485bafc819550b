import { findUnifiedMount } from "../../linux/cgroups/hierarchy.ts";
import { isSystemdForm } from "../../linux/cgroups/path.ts";
import { join } from "../../linux/paths.ts";
import { unitPlace } from "../../linux/systemd/unit-name.ts";
import type { Subject } from "./subject.ts";

/** Where a container's cgroup is. */
interface Location {
  /** Its directory in cgroup v2; null where there is none that can be told. */
  readonly directory: string | null;
  /** Whether that is known to be the container's, and not only the one that its process is in. */
  readonly isCertain: boolean;
  /** The cgroups that the process is in, by the lines of its file `cgroup`: another runtime may use cgroup v1, which has many. */
  readonly found: readonly string[];
  /** The cgroup that it should be in, from the hierarchy's root; null when config.json doesn't tell. */
  readonly asked: string | null;
}

/** Finds it by tsrun's state, else by `linux.cgroupsPath`, else by where the process is. */
export function locationOf(subject: Subject): Location {
  const mount = findUnifiedMount() ?? null;
  const cgroups = cgroupsOf(subject);
  const unified = cgroups.get("") ?? null;
  const saved = subject.target.own?.saved.cgroup;
  if (saved !== undefined) {
    const asked = saved === null ? null : saved.path.slice(saved.mount.length);
    return { directory: saved?.path ?? null, isCertain: saved !== null, found: [unified ?? "none"], asked };
  }
  const found = [...cgroups.values()];
  const asked = askedFor(subject, found);
  const isThere = asked !== null && unified !== null && isIn(unified, asked);
  const inside = isThere ? asked : asked === null ? unified : null;
  const directory = mount === null || inside === null || inside === "/" ? null : mount + inside;
  return { directory, isCertain: isThere, found, asked };
}

/** Whether a cgroup is another, or below it. */
export const isIn = (cgroup: string, other: string): boolean => `${cgroup}/`.startsWith(`${other}/`);

/** By the controllers of cgroup v1; that of cgroup v2 has none (proc_pid_cgroup(5)). */
function cgroupsOf(subject: Subject): ReadonlyMap<string, string> {
  const lines = subject.read("cgroup").split("\n").filter(Boolean);
  return new Map(
    lines.map((line) => {
      const [, controllers = "", ...path] = line.split(":");
      return [controllers, path.join(":")] as const;
    }),
  );
}

/** A relative path, or none, starts at a cgroup that only the runtime knew. */
function askedFor({ bundle: { config } }: Subject, found: readonly string[]): string | null {
  const path = config.linux?.cgroupsPath ?? "";
  if (path.startsWith("/")) return join(path);
  if (!isSystemdForm(path)) return null;
  const { cgroup } = unitPlace(path, "", "system.slice");
  // A user's systemd has its units below a cgroup of its own.
  const cgroups = found.flatMap((one) => {
    const at = `${one}/`.indexOf(`${cgroup}/`);
    return at < 0 ? [] : [one.slice(0, at) + cgroup];
  });
  return cgroups[0] ?? cgroup;
}
