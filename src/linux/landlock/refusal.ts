/** Which right an execve(2) has missed that Landlock may have refused. Loaded only after a refusal. */
import { CWD, close, openat } from "../../kernel/calls.ts";
import { O_DIRECTORY, O_PATH } from "../../kernel/constants.ts";
import { readLink } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { LANDLOCK_ACCESS_FS_EXECUTE, LANDLOCK_ACCESS_FS_READ_FILE } from "../../kernel/landlock.ts";
import { openInside } from "../inside.ts";
import { interpreterOf, MOST_NESTED } from "../process/interpreter.ts";
import { fitted, thisKernel } from "./fit.ts";
import { type Policy, placeIn, readPolicy } from "./policy.ts";
import { namesOf } from "./rights.ts";

/** What execve(2) wants of a program, and of what runs it. */
const NEEDED = BigInt(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE);

/**
 * The end of a message: which right the program misses, or what runs it; empty when the policy gives all, and when that
 * can't be told. `pid` is a process in the container, still alive.
 */
export function whyRefused(text: string, pid: number, path: string): string {
  const { policy } = fitted(readPolicy(text), thisKernel());
  const root = attempt(openat(CWD, `/proc/${pid}/root`, O_PATH | O_DIRECTORY));
  if (root < 0) return "";
  try {
    let program = path;
    for (let nested = 0; nested <= MOST_NESTED && program.startsWith("/"); nested++) {
      const missing = missingRights(policy, root, program);
      if (missing !== "") return `; ${placeIn("pathBeneath")} gives no ${missing}`;
      const next = interpreterOf(root, program);
      if (next === null) break;
      program = next.path;
    }
    return "";
  } finally {
    here(close(root));
  }
}

/** `execute and read_file for /usr/bin/sh`; empty when none is missing. */
function missingRights({ handled, paths }: Policy, root: number, path: string): string {
  const program = realPath(root, path);
  if (program === null) return "";
  const granted = paths.reduce((mask, { path, rights }) => {
    const parent = realPath(root, path);
    return parent !== null && isBeneath(program, parent) ? mask | rights : mask;
  }, 0n);
  const missing = namesOf("fs", handled.fs & NEEDED & ~granted);
  return missing.length === 0 ? "" : `${missing.join(" and ")} for ${program}`;
}

const isBeneath = (path: string, parent: string) =>
  parent === "/" || path === parent || path.startsWith(`${parent}/`);

/** Where the links of a path in the container lead; null where nothing is. */
function realPath(root: number, path: string): string | null {
  const opened = openInside(root, path, O_PATH);
  if (opened < 0) return null;
  try {
    return readLink(`/proc/self/fd/${opened}`);
  } finally {
    here(close(opened));
  }
}
