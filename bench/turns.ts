import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { FILTER_CACHE, type Place } from "./isolate.ts";
import { dropCaches } from "./page-cache.ts";
import type { Measurement, Turn } from "./rounds.ts";
import type { Runtime } from "./runtimes.ts";
import type { Contender } from "./samples.ts";
import { CommandFailed, type Stopwatch } from "./stopwatch.ts";

/** Everything that a turn works with. */
export interface Course {
  readonly stopwatch: Stopwatch;
  readonly place: Place;
  readonly rootfs: string;
  /**
   * Bundles whose process ends at once or sleeps; and that end at once with containerd's default config, in a user
   * namespace, or with a thousand mounts.
   */
  readonly bundles: {
    readonly [name in "true" | "sleep" | "containerd" | "userNamespace" | "many"]: string;
  };
  readonly programs: { readonly stopwatch: string; readonly empty: string; readonly floor: string };
  readonly runtimes: readonly Runtime[];
}

/** `run` of /bin/true, whole; and beside it the floor and what starting a program takes anyway. */
export function runTurns(course: Course): readonly Turn[] {
  const { programs, runtimes, bundles } = course;
  const turn = (contender: Contender, command: (id: string) => readonly string[]): Turn => ({
    contender,
    async take(id) {
      const { milliseconds, peak } = await course.stopwatch.time(command(id));
      return [
        { measure: "run", value: milliseconds },
        { measure: "peak", value: peak },
      ];
    },
  });
  return [
    turn("spawn", () => [programs.stopwatch]),
    turn("empty", () => [programs.empty]),
    turn("floor", (id) => floorCommand(course, id)),
    ...runtimes.map(({ name, command }) =>
      turn(name, (id) => [...command, "run", "--bundle", bundles.true, id]),
    ),
  ];
}

function floorCommand({ programs, place, rootfs }: Course, id: string): readonly string[] {
  return [programs.floor, join(place.cgroups, id), rootfs, "/bin/true"];
}

/** The life of a container in steps, and how much memory its process has while it waits for `start`. */
export function lifeTurns(course: Course): readonly Turn[] {
  const { stopwatch, runtimes, bundles } = course;
  return runtimes.map(({ name, command }) => ({
    contender: name,
    async take(id) {
      const { milliseconds: create, pid } = await createContainer(course, command, bundles.sleep, id);
      const parked = residentMemory(pid);
      const { milliseconds: start } = await stopwatch.time([...command, "start", id]);
      const { milliseconds: kill } = await stopwatch.time([...command, "kill", id, "KILL"]);
      await death(pid);
      const { milliseconds: remove } = await stopwatch.time([...command, "delete", id]);
      return [
        { measure: "create", value: create },
        { measure: "parked", value: parked },
        { measure: "start", value: start },
        { measure: "kill", value: kill },
        { measure: "delete", value: remove },
      ];
    },
  }));
}

async function createContainer(course: Course, command: readonly string[], bundle: string, id: string) {
  const pidFile = join(course.place.state, "pid");
  const { milliseconds } = await course.stopwatch.time([
    ...command,
    ...["create", "--bundle", bundle, "--pid-file", pidFile, id],
  ]);
  return { milliseconds, pid: Number(readFileSync(pidFile, "utf8")) };
}

/** Resident memory in kB. From smaps_rollup: VmRSS of /proc/PID/status is off by what each CPU counts apart. */
function residentMemory(pid: number): number {
  const kilobytes = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8").match(/^Rss: +(\d+) kB$/m)?.[1];
  if (kilobytes === undefined) throw new CommandFailed(`process ${pid} has no resident memory: it has ended`);
  return Number(kilobytes);
}

const DEATH_SECONDS = 10;

/** Waits until a process has ended, whether or not its parent has noticed. */
async function death(pid: number): Promise<void> {
  const deadline = performance.now() + DEATH_SECONDS * 1000;
  while (!hasEnded(pid)) {
    if (performance.now() > deadline) throw new CommandFailed(`process ${pid} did not end`);
    await Bun.sleep(1);
  }
}

function hasEnded(pid: number): boolean {
  try {
    // proc_pid_stat(5): the state follows the name, which may hold anything, in parentheses.
    const [, state] = readFileSync(`/proc/${pid}/stat`, "utf8").match(/\) (\w)[^)]*$/) ?? [];
    return state === "Z" || state === "X";
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // readFileSync throws nothing else
    if (code === "ENOENT" || code === "ESRCH") return true;
    throw error;
  }
}

const LIGHT_COMMANDS = [
  { measure: "state", args: (id: string) => ["state", id] },
  { measure: "list", args: () => ["list"] },
  { measure: "version", args: () => ["--version"] },
] as const;

/** Commands that only look, at the one container that each runtime has then; and the empty Bun binary. */
export async function lightTurns(course: Course): Promise<readonly Turn[]> {
  const { stopwatch, programs, place } = course;
  const turns: Turn[] = [timed("empty", "empty", () => stopwatch.time([programs.empty]))];
  for (const { name, command } of course.runtimes) {
    const container = `light-${name}-${place.token}`;
    try {
      await createContainer(course, command, course.bundles.sleep, container);
    } catch (error) {
      if (error instanceof CommandFailed) continue; // the life turns report it
      throw error;
    }
    for (const { measure, args } of LIGHT_COMMANDS)
      turns.push(timed(name, measure, () => stopwatch.time([...command, ...args(container)])));
  }
  return turns;
}

/** `exec` of /bin/true in the container that each runtime has running then. */
export async function execTurns(course: Course): Promise<readonly Turn[]> {
  const { stopwatch, place } = course;
  const turns: Turn[] = [];
  for (const { name, command } of course.runtimes) {
    const container = `exec-${name}-${place.token}`;
    try {
      await createContainer(course, command, course.bundles.sleep, container);
      await stopwatch.time([...command, "start", container]);
    } catch (error) {
      if (error instanceof CommandFailed) continue; // the life turns report it
      throw error;
    }
    turns.push(timed(name, "exec", () => stopwatch.time([...command, "exec", container, "/bin/true"])));
  }
  return turns;
}

/** `run` with containerd's config and seccomp profile; of tsrun also when it has not compiled that profile before. */
export function seccompTurns({ stopwatch, runtimes, bundles }: Course): readonly Turn[] {
  return runtimes.flatMap(({ name, command }) => {
    const run = (measure: "seccomp" | "seccompCold", prepare = () => {}): Turn => ({
      contender: name,
      async take(id) {
        prepare();
        const lap = await stopwatch.time([
          ...command,
          "run",
          "--bundle",
          bundles.containerd,
          `${id}-${measure}`,
        ]);
        return [{ measure, value: lap.milliseconds }];
      },
    });
    return name === "tsrun" ? [run("seccomp"), run("seccompCold", forgetFilters)] : [run("seccomp")];
  });
}

/** `run` of a bundle that is named as its measure. */
export function bundleTurns(
  { stopwatch, runtimes, bundles }: Course,
  measure: "userNamespace" | "many",
): readonly Turn[] {
  return runtimes.map(({ name, command }) => ({
    contender: name,
    async take(id) {
      const { milliseconds } = await stopwatch.time([...command, "run", "--bundle", bundles[measure], id]);
      return [{ measure, value: milliseconds }];
    },
  }));
}

function forgetFilters(): void {
  rmSync(FILTER_CACHE, { recursive: true, force: true });
}

function timed(
  contender: Contender,
  measure: Measurement["measure"],
  lap: () => Promise<{ milliseconds: number }>,
): Turn {
  return { contender, take: async () => [{ measure, value: (await lap()).milliseconds }] };
}

/** Removes the containers of `lightTurns` or `execTurns`. */
export async function endTurns(
  { stopwatch, runtimes, place }: Course,
  which: "light" | "exec",
): Promise<void> {
  for (const { name, command } of runtimes) {
    try {
      await stopwatch.time([...command, "delete", "--force", `${which}-${name}-${place.token}`]);
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error; // it was never created; or the namespaces' end ends it
    }
  }
}

/** create + start + delete of /bin/true when nothing is in the page cache, as after boot or on a busy host. */
export function coldTurns(course: Course): readonly Turn[] {
  const { stopwatch, runtimes, bundles, programs } = course;
  const cold = (contender: Contender, take: (id: string) => Promise<number>): Turn => ({
    contender,
    async take(id) {
      dropCaches();
      return [{ measure: "cold", value: await take(id) }];
    },
  });
  return [
    cold("empty", async () => (await stopwatch.time([programs.empty])).milliseconds),
    cold("floor", async (id) => (await stopwatch.time(floorCommand(course, id))).milliseconds),
    ...runtimes.map(({ name, command }) =>
      cold(name, async (id) => {
        const created = await createContainer(course, command, bundles.true, id);
        const started = await stopwatch.time([...command, "start", id]);
        await death(created.pid);
        const deleted = await stopwatch.time([...command, "delete", id]);
        return created.milliseconds + started.milliseconds + deleted.milliseconds;
      }),
    ),
  ];
}
