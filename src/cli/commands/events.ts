import type { Caller } from "../../agent/caller.ts";
import { containerStatus } from "../../container/state/status.ts";
import type { StateDirectory } from "../../container/state/store.ts";
import { refusal, requireStatus } from "../../container/state/verbs.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { isErrno, readTextIfThere } from "../../kernel/files.ts";
import { UserError } from "../../kernel/user-error.ts";
import { readStats, statsJson } from "../../linux/cgroups/stats.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { print } from "../output.ts";
import { storeOf } from "../store-of.ts";

/** How often the end of the container and its OOM kills are looked for, in milliseconds. */
const LOOK = 100;

/** `tsrun events ID`: statistics as JSON lines, and OOM kills, until the container has ended; `--stats` once. */
export async function events(
  { globals, flags, args: [id] }: InvocationOf<"events">,
  caller: Caller,
): Promise<number> {
  if (flags.interval <= 0) throw new UserError("events", "--interval must be greater than 0");
  using directory = storeOf(globals, caller).open(id);
  const { path } = requireStatus("events", directory).saved.cgroup;
  if (flags.stats) {
    const stats = statsIfThere(path);
    if (stats === null)
      throw isThere(directory) ? hasNoCgroup(directory, path) : refusal("events", directory, "stopped");
    print(line("stats", id, stats));
    return 0;
  }
  let kills = oomKills(path);
  for (let next = performance.now() + flags.interval; isThere(directory); await Bun.sleep(LOOK)) {
    const now = oomKills(path);
    if (now > kills) print(line("oom", id, null));
    kills = now;
    if (performance.now() < next) continue;
    const stats = statsIfThere(path);
    if (stats === null) break;
    print(line("stats", id, stats));
    next = Math.max(next + flags.interval, performance.now()); // one line, not many, after tsrun was stopped
  }
  return 0;
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
function statsIfThere(path: string): string | null {
  try {
    return statsJson(readStats(path));
  } catch (error) {
    if (isErrno(error, ERRNO.ENOENT, ERRNO.ENODEV)) return null;
    throw error;
  }
}

/** How many processes of the cgroup the OOM killer has ended; 0 without the memory controller. */
function oomKills(cgroup: string): number {
  const events = readTextIfThere(`${cgroup}/memory.events`) ?? "";
  return Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0);
}

function line(type: string, id: string, data: string | null): string {
  return `{"type":${JSON.stringify(type)},"id":${JSON.stringify(id)}${data === null ? "" : `,"data":${data}`}}\n`;
}
