import { createContainer, death } from "./container.ts";
import type { Course } from "./course.ts";
import { crowd } from "./load.ts";
import type { Runtime } from "./runtimes.ts";

/** How often the server has done each command before it is measured, as one that has been there for a while has. */
export const WARMED = 1000;
/** How many crowds: that commands wait side by side is code of its own. */
const CROWDS = 30;

/** Has the server do every command that is measured. @throws CommandFailed */
export async function warmUp(course: Course): Promise<void> {
  const warm = course.runtimes.find(({ name }) => name === "warm");
  if (warm === undefined) return;
  const { bundles, stopwatch, place } = course;
  const id = `warm-up-${place.token}`;
  for (const name of ["true", "containerd", "userNamespace"] as const)
    await stopwatch.time([...warm.command, "run", "--bundle", bundles[name], id], { times: WARMED });
  for (let time = 0; time < WARMED; time++) await live(course, warm, id);
  for (let time = 0; time < CROWDS; time++) await crowd(course, warm.command, id);
}

async function live(course: Course, { command }: Runtime, id: string): Promise<void> {
  const { stopwatch, bundles } = course;
  const act = (...args: readonly string[]) => stopwatch.time([...command, ...args]);
  const { pid } = await createContainer(course, command, bundles.sleep, id);
  await act("start", id);
  await act("exec", id, "/bin/true");
  await act("state", id);
  await act("list");
  await act("kill", id, "KILL");
  await death(pid);
  await act("delete", id);
}
