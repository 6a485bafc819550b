/** Usage of a container's cgroup, once or again and again, and OOM kills in it. */
import { ERRNO } from "../kernel/errno.ts";
import { isErrno } from "../kernel/files.ts";
import { UserError } from "../kernel/user-error.ts";
import { oomKillsIn } from "../linux/cgroups/events.ts";
import { readStats, type Stats } from "../linux/cgroups/stats.ts";
import type { StateDirectory } from "./state/state-directory.ts";
import { containerStatus } from "./state/status.ts";
import type { Store } from "./state/store.ts";
import { refusal, requireStatus } from "./state/verbs.ts";

export type Event = { readonly type: "stats"; readonly stats: Stats } | { readonly type: "oom" };

/** How often the end of the container and its OOM kills are looked for, in milliseconds. */
const LOOK = 100;

/** The usage at this moment. @throws UserError when the container does not run, or has no cgroup */
export function statsOf(store: Store, id: string): Stats {
  using directory = store.open(id);
  const { path } = requireStatus("events", directory).saved.cgroup;
  const stats = statsIfThere(path);
  if (stats !== null) return stats;
  throw isThere(directory) ? hasNoCgroup(directory, path) : refusal("events", directory, "stopped");
}

/** The usage every `interval` milliseconds, and each OOM kill, until the container has ended. @throws UserError */
export async function* events(store: Store, id: string, interval: number): AsyncGenerator<Event, void> {
  using directory = store.open(id);
  const { path } = requireStatus("events", directory).saved.cgroup;
  let kills = oomKillsIn(path);
  for (let next = performance.now() + interval; isThere(directory); await Bun.sleep(LOOK)) {
    const now = oomKillsIn(path);
    if (now > kills) yield { type: "oom" };
    kills = now;
    if (performance.now() < next) continue;
    const stats = statsIfThere(path);
    if (stats === null) break;
    yield { type: "stats", stats };
    next = Math.max(next + interval, performance.now()); // one, not many, after this process was stopped
  }
}

/** Somebody has moved its processes elsewhere and removed it. */
const hasNoCgroup = ({ id }: StateDirectory, path: string) =>
  new UserError(`no events of container ${id}: its cgroup ${path} is gone`);

/** Not without a state: it was deleted, even while its poststop hooks run. */
function isThere(directory: StateDirectory): boolean {
  const saved = directory.read();
  return saved !== null && containerStatus(directory, saved) !== "stopped";
}

/** Null when the cgroup has gone with its container. */
function statsIfThere(path: string): Stats | null {
  try {
    return readStats(path);
  } catch (error) {
    if (isErrno(error, ERRNO.ENOENT, ERRNO.ENODEV)) return null;
    throw error;
  }
}
