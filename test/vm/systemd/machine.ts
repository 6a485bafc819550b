/** A virtual machine that systemd runs, for the tests of `--systemd-cgroup`. */
import type { Place } from "../../harness/report.ts";
import { runMachine } from "../guest-run.ts";
import { prepareMachine, type Task } from "./prepare.ts";

/** The test files for it, relative to the project. */
export function systemdFiles(project: string): string[] {
  return [...new Bun.Glob("test/vm/systemd/*.test.ts").scanSync(project)].sort();
}

/** Runs the files in it, or in `other` than this machine's kind of it. @throws MissingPackage, NoMachine */
export async function runUnderSystemd(
  project: string,
  files: readonly string[],
  seconds: number,
  other: Partial<Task> = {},
): Promise<Place> {
  const task = { name: "systemd", ...other, files, seconds };
  return runMachine(project, await prepareMachine(project, task), task.name, files);
}
