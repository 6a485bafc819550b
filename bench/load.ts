/** What many commands take: the processor time of probes, many containers at once, the server's memory after many. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { makeCgroupBundle } from "./bundle.ts";
import { runContainer } from "./container.ts";
import type { Course } from "./course.ts";
import type { Turn } from "./rounds.ts";
import type { BenchServer } from "./server.ts";
import { succeeds } from "./stopwatch.ts";

export const PROBES = 100;
/** After the last probe: what the server puts off until it has nothing to do counts too. */
const PROBES_REST_MS = 500;

/**
 * The processor time of `exec`s of /bin/true, as a kubelet's probes are. Whoever has a part in them is in a cgroup below
 * one that counts: the commands and what they start, the containers, the server.
 */
export async function probeTurns(course: Course, server: BenchServer | null): Promise<readonly Turn[]> {
  const { stopwatch, place, rootfs } = course;
  const all = `probes-${place.token}`;
  const counting = join(place.cgroups, all);
  const commands = join(counting, "commands");
  for (const cgroup of [counting, commands, join(counting, "server")]) mkdirSync(cgroup);
  if (server !== null) writeFileSync(join(counting, "server/cgroup.procs"), String(server.pid));
  const turns: Turn[] = [];
  for (const { name, command } of course.runtimes) {
    const container = `probes-${name}-${place.token}`;
    const [bundleName, cgroup] = [`probes-${name}`, `/${all}/${name}`];
    const sleep = makeCgroupBundle(place.directory, bundleName, rootfs, cgroup, ["/bin/sleep", "1000"]);
    if (!(await succeeds(runContainer(course, command, sleep, container)))) continue; // the life turns report it
    turns.push({
      contender: name,
      async take() {
        const before = processorTime(counting);
        const probe = [...command, "exec", container, "/bin/true"];
        await stopwatch.time(probe, { times: PROBES, cgroup: commands });
        await Bun.sleep(PROBES_REST_MS);
        return [{ measure: "probes", value: processorTime(counting) - before }];
      },
    });
  }
  return turns;
}

/** What the processes in a cgroup, and below it, have had of it, in ms. There is no controller needed for that. */
function processorTime(cgroup: string): number {
  const microseconds = /^usage_usec (\d+)$/m.exec(readFileSync(join(cgroup, "cpu.stat"), "utf8"))?.[1];
  return Number(microseconds) / 1000;
}

export const CROWD = 20;

/** create and start of so many containers that are begun at once, until all run. */
export function crowdTurns(course: Course): readonly Turn[] {
  return course.runtimes.map(({ name, command }) => ({
    contender: name,
    async take(id) {
      return [{ measure: "crowd", value: await crowd(course, command, id) }];
    },
  }));
}

/** Makes a crowd, and removes it again. Returns the milliseconds until all ran. */
export async function crowd(
  { stopwatch, bundles }: Course,
  command: readonly string[],
  id: string,
): Promise<number> {
  const script = ["/bin/sh", "-c", CROWD_SCRIPT, "sh", bundles.sleep, id];
  const { milliseconds } = await stopwatch.time([...script, ...command]);
  for (const member of members(id)) await stopwatch.time([...command, "delete", "--force", member]);
  return milliseconds;
}

const members = (id: string) => Array.from({ length: CROWD }, (_, index) => `${id}-${index}`);

const CROWD_SCRIPT = `
  bundle=$1 pids=
  for id in ${members("$2").join(" ")}; do
    { shift 2; "$@" create --bundle "$bundle" "$id" && "$@" start "$id"; } &
    pids="$pids $!"
  done
  for pid in $pids; do wait "$pid" || exit; done
`;

export const SERVED = 1000;
/** By then it has given back memory: SPARE in src/serve/server.ts. */
const IDLE_MS = 32_000;

/** What memory the server has alone when it has run many containers, and then nothing for a while. */
export function memoryTurns(
  { stopwatch, bundles, runtimes }: Course,
  server: BenchServer | null,
): readonly Turn[] {
  if (server === null) return [];
  return runtimes
    .filter(({ name }) => name === "warm")
    .map(({ name, command }) => ({
      contender: name,
      async take(id) {
        await stopwatch.time([...command, "run", "--bundle", bundles.true, id], { times: SERVED });
        await Bun.sleep(IDLE_MS);
        const { dirty, clean } = privateMemory(server.pid);
        return [
          { measure: "server", value: dirty },
          { measure: "serverFiles", value: clean },
        ];
      },
    }));
}

/** In kB: what is in no file, and pages of its binary that no other process has mapped, which the kernel may drop. */
function privateMemory(pid: number): Readonly<Record<"dirty" | "clean", number>> {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const kilobytes = (name: string) => Number(new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(rollup)?.[1]);
  return { dirty: kilobytes("Private_Dirty"), clean: kilobytes("Private_Clean") };
}
