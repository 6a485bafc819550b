import { spawnSync } from "node:child_process";
import { basename, join } from "node:path";
import { project, workDirectory } from "./environment.ts";
import { testIf } from "./skip.ts";

const canCompile = Bun.which("gcc") !== null;

/** A test that runs a program of its own in a container. */
export const testCompiled = testIf(canCompile, "needs gcc to compile the test's own programs");

/** Compiles a C file of the project for tests by `testCompiled`: statically, to run in any rootfs. Returns its path. */
export function compiled(source: string): string {
  const output = join(workDirectory, basename(source, ".c"));
  if (!canCompile) return output;
  const flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Os", "-static"];
  const { status, stderr } = spawnSync("gcc", [...flags, "-o", output, join(project, source)], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
  return output;
}
