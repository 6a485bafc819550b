import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { makeBundle } from "./bundle.ts";
import type { Place } from "./isolate.ts";
import { CommandFailed, type Stopwatch } from "./stopwatch.ts";

/** `warm` is tsrun with a server that does its commands, `tsrun` does them itself, and so does `old`, another tsrun. */
export const RUNTIME_NAMES = ["warm", "tsrun", "old", "crun", "runc"] as const;
export type RuntimeName = (typeof RUNTIME_NAMES)[number];

/** A runtime that was seen to run a container here. */
export interface Runtime {
  readonly name: RuntimeName;
  /** The program and its global flags. */
  readonly command: readonly string[];
  readonly version: string;
}

/** The runtimes that work here, and for those that don't, or not as they are meant to, what readers must know. */
export interface Field {
  readonly runtimes: readonly Runtime[];
  readonly notes: ReadonlyMap<RuntimeName, string>;
}

/** Of an older tsrun there is no server. */
export const NO_SERVE = "--no-serve";

/** Global flags to try, in this order: a runtime is measured with the first ones that work. */
const VARIANTS: Readonly<Record<RuntimeName, readonly (readonly string[])[]>> = {
  warm: [[]],
  tsrun: [[NO_SERVE], []],
  old: [[NO_SERVE], []],
  crun: [[], ["--cgroup-manager=disabled"]],
  runc: [[]],
};

const WORDS = "inside the container";

/** Finds the runtimes and runs a container with each, so that none is timed that only fails fast. */
export async function findRuntimes(
  stopwatch: Stopwatch,
  place: Place,
  rootfs: string,
  binaries: Readonly<Partial<Record<RuntimeName, string>>>,
): Promise<Field> {
  const bundle = makeBundle(place.directory, "probe", rootfs, ["/bin/echo", WORDS]);
  const runtimes: Runtime[] = [];
  const notes = new Map<RuntimeName, string>();
  for (const name of RUNTIME_NAMES) {
    const path = binaries[name];
    if (path === undefined) continue;
    if (!existsSync(path)) {
      notes.set(name, "not installed");
      continue;
    }
    const root = join(place.state, name);
    mkdirSync(root);
    const { runtime, failures } = await firstThatWorks(
      stopwatch,
      name,
      [path, "--root", root],
      bundle,
      place.token,
    );
    if (runtime !== null) runtimes.push(runtime);
    if (failures.length > 0) notes.set(name, noteOf(runtime, failures));
  }
  return { runtimes, notes };
}

async function firstThatWorks(
  stopwatch: Stopwatch,
  name: RuntimeName,
  base: readonly string[],
  bundle: string,
  token: string,
): Promise<{ runtime: Runtime | null; failures: readonly string[] }> {
  const failures: string[] = [];
  for (const [index, flags] of VARIANTS[name].entries()) {
    const command = [...base, ...flags];
    try {
      const { stdout } = await stopwatch.time([
        ...command,
        "run",
        "--bundle",
        bundle,
        `probe-${index}-${token}`,
      ]);
      if (stdout.trim() !== WORDS) throw new CommandFailed("the container printed nothing");
      const version = (await stopwatch.time([...command, "--version"])).stdout.split("\n", 1)[0] ?? "";
      return { runtime: { name, command, version }, failures };
    } catch (error) {
      if (!(error instanceof CommandFailed)) throw error;
      failures.push(error.message);
    }
  }
  return { runtime: null, failures };
}

function noteOf(runtime: Runtime | null, failures: readonly string[]): string {
  const [why = ""] = failures;
  if (runtime?.name === "tsrun" || runtime?.name === "old") return "knows of no server";
  if (runtime === null) return `does not work here: ${why}`;
  const flags = runtime.command.slice(3).join(" "); // after the path and --root
  return `measured with ${flags}, and so without a cgroup, since without the flag it does not work here: ${why}`;
}
