import type { Program } from "../../agent/program.ts";
import type { StepResult } from "../../kernel/call.ts";
import { CWD, faccessat2, openat, openat2 } from "../../kernel/calls.ts";
import {
  AT_EACCESS,
  AT_EMPTY_PATH,
  O_DIRECTORY,
  O_PATH,
  RESOLVE_NO_MAGICLINKS,
  X_OK,
} from "../../kernel/constants.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { fail } from "../../kernel/user-error.ts";
import { variable } from "./environment.ts";

/** Where a program without "/" in its name is looked for when the environment has no PATH. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

interface Candidate {
  readonly path: string;
  readonly opened: StepResult;
  /** Not performed when the path could not be opened. */
  readonly access: StepResult;
  readonly directory: StepResult;
}

/**
 * Adds the steps that resolve `args[0]` with the permissions of the container's user: in PATH, or as a path relative
 * to cwd. `choose` then returns the candidate for execve(2).
 */
export function lookUp(program: Program, args: readonly string[], env: readonly string[]) {
  const [name = ""] = args;
  program.by("process.args[0]");
  const candidates = candidatePaths(name, env).map((path) => addCandidate(program, path));
  return {
    /** The first executable candidate. `result` gives a step's result. @throws UserError when there is none */
    choose(result: (step: StepResult) => number): string {
      for (const { path, opened, access, directory } of candidates)
        if (result(opened) >= 0 && result(access) >= 0 && result(directory) < 0) return path;
      return refuse(name, candidates, result);
    },
  };
}

/**
 * Magic links are refused: /proc/self/exe would be tsrun's agent, and /proc/self/fd/N any descriptor that is open
 * (CVE-2019-5736).
 */
function addCandidate(program: Program, path: string): Candidate {
  let [access, directory] = [{ step: 0 }, { step: 0 }];
  const opened = program.whenOk(openat2(CWD, path, O_PATH, RESOLVE_NO_MAGICLINKS), "all", (file) => {
    access = program.add(faccessat2(file, "", X_OK, AT_EACCESS | AT_EMPTY_PATH), "all");
    directory = program.add(openat(file, ".", O_PATH | O_DIRECTORY), "all");
  });
  return { path, opened, access, directory };
}

function refuse(name: string, candidates: readonly Candidate[], result: (step: StepResult) => number): never {
  const where = "process.args[0]";
  const errnoOf = ({ opened, access }: Candidate) => Math.max(-result(opened), 0) || -result(access);
  const [only] = candidates;
  if (name.includes("/") && only !== undefined) {
    const errno = errnoOf(only);
    if (result(only.opened) >= 0 && errno === 0) fail(where, `${name} is a directory (permission denied)`);
    const hint =
      errno === ERRNO.EACCES
        ? "; the container's user needs execute permission for it and for the directories above it, and the mount must not be noexec"
        : errno === ERRNO.ELOOP
          ? "; links of proc such as /proc/self/exe are refused, and links in a circle"
          : " in the container";
    fail(where, `cannot execute ${name}: ${errnoWords(errno)}${hint}`);
  }
  const denied = candidates.find(({ opened, access }) => result(opened) >= 0 && result(access) < 0);
  if (denied !== undefined)
    fail(where, `cannot execute ${denied.path}: ${errnoWords(-result(denied.access))}`);
  const directories = (some: readonly Candidate[]) => some.map(({ path }) => path.slice(0, -name.length - 1));
  const closed = directories(candidates.filter(({ opened }) => result(opened) === -ERRNO.EACCES));
  const which = closed.length === candidates.length ? "any of these" : closed.join(" and ");
  const hint =
    closed.length === 0
      ? ""
      : `; the container's user may not enter ${which}: it needs execute permission for it and for the directories above it`;
  const searched = directories(candidates).join(":");
  return fail(where, `${JSON.stringify(name)}: executable file not found in $PATH (${searched})${hint}`);
}

function candidatePaths(name: string, env: readonly string[]): readonly string[] {
  if (name.includes("/")) return [name];
  const path = variable(env, "PATH") ?? DEFAULT_PATH;
  // An empty name in PATH is the current directory (environ(7)).
  return path.split(":").map((directory) => `${directory === "" ? "." : directory}/${name}`);
}
