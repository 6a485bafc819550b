import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { compileProgram } from "./compile-program.ts";
import { project, workDirectory } from "./environment.ts";
import { testIf } from "./skip.ts";

/** Where the programs are already, on a machine without a compiler. */
const { TSRUN_TEST_PROGRAMS: ready } = process.env;

/** Whether `compiled` gives programs that exist. */
export const canCompile = ready !== undefined || Bun.which("gcc") !== null;

/** A test that runs a program of its own in a container. */
export const testCompiled = testIf(canCompile, "needs gcc to compile the test's own programs");

/** Compiles a C file of the project for tests by `testCompiled`: statically, to run in any rootfs. Returns its path. */
export function compiled(source: string): string {
  const name = basename(source, ".c");
  if (ready !== undefined) {
    const path = join(ready, name);
    if (!existsSync(path)) throw new Error(`there is no ${path}`);
    return path;
  }
  const output = join(workDirectory, name);
  if (canCompile) compileProgram(project, source, output);
  return output;
}
