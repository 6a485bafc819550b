/** A tsrun of which one system call fails, as on a machine at its limits. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { workDirectory } from "../../harness/environment.ts";
import { type Outcome, runtime } from "../../harness/runtime.ts";

const source = resolve(import.meta.dir, "../../../src");
const inItsPlace = join(import.meta.dir, "calls.ts");
const program = join(workDirectory, "failing");
const report = join(workDirectory, "calls");

/** Compiles tsrun with calls.ts in the place of what makes its system calls. */
export async function compileFailing(): Promise<void> {
  await Bun.build({
    entrypoints: [join(source, "main.ts")],
    compile: { outfile: program },
    splitting: true,
    bytecode: true,
    format: "esm",
    plugins: [
      {
        name: "failing calls",
        setup(build) {
          build.onResolve({ filter: /\/ffi\.ts$/ }, ({ importer }) => ({
            path: importer === inItsPlace ? join(source, "kernel/ffi.ts") : inItsPlace,
          }));
        },
      },
    ],
  });
}

/** How a call of that tsrun ended. */
export interface Ended extends Outcome {
  /** The places of its system calls; none when it did not come to its end. */
  readonly calls: readonly string[];
}

/** ENOMEM: what nearly every system call may fail with, at any time. */
const ERRNO = "12";

/** Calls tsrun; the first system call that it makes at `place` fails. */
export function failingAt(place: string | null, args: readonly string[]): Ended {
  rmSync(report, { force: true });
  const fails = place === null ? {} : { TSRUN_FAILS: place };
  const outcome = runtime(args, {
    env: { TSRUN_ERRNO: ERRNO, TSRUN_CALLS: report, ...fails },
    through: ["sh", "-c", `shift; exec ${program} "$@"`, "sh"],
  });
  const calls = existsSync(report) ? (JSON.parse(readFileSync(report, "utf8")) as string[]) : []; // calls.ts's
  return { ...outcome, calls };
}
