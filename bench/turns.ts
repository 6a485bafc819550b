import { rmSync } from "node:fs";
import { join } from "node:path";
import { createContainer, death, residentMemory, runContainer } from "./container.ts";
import type { Course } from "./course.ts";
import { FILTER_CACHE } from "./isolate.ts";
import { dropCaches } from "./page-cache.ts";
import type { Measurement, Turn } from "./rounds.ts";
import type { Contender } from "./samples.ts";
import { succeeds } from "./stopwatch.ts";

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
  return course.runtimes.map(({ name, command }) => ({
    contender: name,
    async take(id) {
      const { parked, ...steps } = await live(course, command, course.bundles.sleep, id);
      return [
        ...STEPS.map((step) => ({ measure: step, value: steps[step] })),
        { measure: "life", value: sumOf(steps) },
        { measure: "parked", value: parked },
      ];
    },
  }));
}

/** The same with containerd's config and seccomp profile, in one sum. */
export function containerdLifeTurns(course: Course): readonly Turn[] {
  return course.runtimes.map(({ name, command }) => ({
    contender: name,
    async take(id) {
      const { parked: _, ...steps } = await live(course, command, course.bundles.containerdSleep, id);
      return [{ measure: "containerdLife", value: sumOf(steps) }];
    },
  }));
}

async function live(course: Course, command: readonly string[], bundle: string, id: string) {
  const { stopwatch } = course;
  const { milliseconds: create, pid } = await createContainer(course, command, bundle, id);
  const parked = residentMemory(pid);
  const { milliseconds: start } = await stopwatch.time([...command, "start", id]);
  const { milliseconds: kill } = await stopwatch.time([...command, "kill", id, "KILL"]);
  await death(pid);
  const { milliseconds: remove } = await stopwatch.time([...command, "delete", id]);
  return { create, start, kill, delete: remove, parked };
}

/** What the life of a container consists of. */
const STEPS = ["create", "start", "kill", "delete"] as const;

/** How long they take together. */
const sumOf = (steps: Readonly<Record<(typeof STEPS)[number], number>>) =>
  STEPS.reduce((sum, step) => sum + steps[step], 0);

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
    const isThere = await succeeds(createContainer(course, command, course.bundles.sleep, container));
    if (!isThere) continue; // the life turns report it
    const commands = LIGHT_COMMANDS.filter(({ measure }) => measure !== "version" || name !== "warm"); // not served
    for (const { measure, args } of commands)
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
    const isThere = await succeeds(runContainer(course, command, course.bundles.sleep, container));
    if (!isThere) continue; // the life turns report it
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

/** Removes the containers of `lightTurns`, `execTurns` or `probeTurns`. */
export async function endTurns(
  { stopwatch, runtimes, place }: Course,
  which: "light" | "exec" | "probes",
): Promise<void> {
  // One that fails was never created; or the namespaces' end ends it.
  for (const { name, command } of runtimes)
    await succeeds(stopwatch.time([...command, "delete", "--force", `${which}-${name}-${place.token}`]));
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
