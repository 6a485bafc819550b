import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Course } from "./course.ts";
import { CommandFailed } from "./stopwatch.ts";

/** `create`s a container. @throws CommandFailed */
export async function createContainer(
  { stopwatch, place }: Course,
  command: readonly string[],
  bundle: string,
  id: string,
) {
  const pidFile = join(place.state, "pid");
  const { milliseconds } = await stopwatch.time([
    ...command,
    ...["create", "--bundle", bundle, "--pid-file", pidFile, id],
  ]);
  return { milliseconds, pid: Number(readFileSync(pidFile, "utf8")) };
}

/** `create`s a container and `start`s it. @throws CommandFailed */
export async function runContainer(
  course: Course,
  command: readonly string[],
  bundle: string,
  id: string,
): Promise<void> {
  await createContainer(course, command, bundle, id);
  await course.stopwatch.time([...command, "start", id]);
}

/** Resident memory in kB. From smaps_rollup: VmRSS of /proc/PID/status is off by what each CPU counts apart. */
export function residentMemory(pid: number): number {
  const kilobytes = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8").match(/^Rss: +(\d+) kB$/m)?.[1];
  if (kilobytes === undefined) throw new CommandFailed(`process ${pid} has no resident memory: it has ended`);
  return Number(kilobytes);
}

const DEATH_SECONDS = 10;

/** Waits until a process has ended, whether or not its parent has noticed. */
export async function death(pid: number): Promise<void> {
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
