import type { Program } from "../agent/program.ts";
import type { StepResult } from "../kernel/call.ts";
import { CWD, faccessat2, openat } from "../kernel/calls.ts";
import { AT_EACCESS, O_DIRECTORY, O_PATH, X_OK } from "../kernel/constants.ts";
import { ERRNO, errnoName, errnoText } from "../kernel/errno.ts";
import { fail } from "./config-error.ts";

/** Where a program without "/" in its name is looked for when the environment has no PATH. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

interface Candidate {
  readonly path: string;
  readonly access: StepResult;
  readonly directory: StepResult;
}

/**
 * Adds the steps that look for `args[0]` as the container's user will see it: in PATH, or at its path relative
 * to cwd. `choose` tells afterwards which candidate execve(2) shall take.
 */
export function lookUp(program: Program, args: readonly string[], env: readonly string[]) {
  const [name = ""] = args;
  program.by("process.args[0]");
  const candidates = candidatePaths(name, env).map(
    (path): Candidate => ({
      path,
      access: program.add(faccessat2(CWD, path, X_OK, AT_EACCESS), "all"),
      directory: program.add(openat(CWD, path, O_PATH | O_DIRECTORY), "all"),
    }),
  );
  return {
    /** The first executable candidate. `result` gives a step's result. @throws ConfigError when there is none */
    choose(result: (step: StepResult) => number): string {
      for (const { path, access, directory } of candidates)
        if (result(access) >= 0 && result(directory) < 0) return path;
      return refuse(name, candidates, result);
    },
  };
}

function refuse(name: string, candidates: readonly Candidate[], result: (step: StepResult) => number): never {
  const [only] = candidates;
  if (name.includes("/") && only !== undefined) {
    if (result(only.directory) >= 0) fail("process.args[0]", `${name} is a directory (permission denied)`);
    const errno = -result(only.access);
    const hint =
      errno === ERRNO.EACCES ? "; is its execute bit set for the container's user?" : " in the container";
    fail("process.args[0]", `cannot execute ${name}: ${errnoName(errno)} (${errnoText(errno)})${hint}`);
  }
  const denied = candidates.find(({ access }) => result(access) === -ERRNO.EACCES);
  if (denied !== undefined)
    fail("process.args[0]", `cannot execute ${denied.path}: EACCES (permission denied)`);
  const searched = candidates.map(({ path }) => path.slice(0, -name.length - 1)).join(":");
  return fail("process.args[0]", `${JSON.stringify(name)}: executable file not found in $PATH (${searched})`);
}

function candidatePaths(name: string, env: readonly string[]): readonly string[] {
  if (name.includes("/")) return [name];
  const path = env.findLast((entry) => entry.startsWith("PATH="))?.slice(5) ?? DEFAULT_PATH;
  // An empty name in PATH is the current directory (environ(7)).
  return path.split(":").map((directory) => `${directory === "" ? "." : directory}/${name}`);
}
