/**
 * Confining a process by landlock(7), before it loads its seccomp filter and executes its program. Loaded only for
 * containers that have the annotation.
 *
 * The ruleset is made while the agent is root of the container, so that a policy may name what the process's user can't
 * reach; its paths are resolved in the container's root, which is the agent's own by then. It is put in force when the
 * process has its identity and no_new_privs. From then on the agent only looks for the program (by O_PATH, which Landlock
 * does not mind), closes descriptors and waits.
 */
import type { Process } from "../../../runtime-spec/config.ts";
import type { Program } from "../../agent/program.ts";
import type { StepResult } from "../../kernel/call.ts";
import { CWD, close, dup3, openat, openat2 } from "../../kernel/calls.ts";
import { FIRST_FD, O_CLOEXEC, O_DIRECTORY, O_PATH } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import {
  landlockAddPath,
  landlockAddPort,
  landlockCreateRuleset,
  landlockRestrictSelf,
} from "../../kernel/landlock.ts";
import { fail, UserError } from "../../kernel/user-error.ts";
import { INSIDE } from "../inside.ts";
import { join } from "../paths.ts";
import { type Confined, LANDLOCK_STRICT_ANNOTATION, type Landlock } from "./confinement.ts";
import { fitted, requireAll, thisKernel } from "./fit.ts";
import { type PathRule, type Policy, placeIn, readPolicy } from "./policy.ts";
import { FILE_RIGHTS } from "./rights.ts";

/** @throws UserError when the policy is wrong, strict and too new for this kernel, or not for this process */
export function landlockFor(
  text: string,
  strict: string | undefined,
  process: Process,
  how: Confined,
  kernel = thisKernel(),
): Landlock {
  const policy = readPolicy(text);
  requirePrivilege(process);
  const isExact = isStrict(strict);
  if (isExact) requireAll(policy, kernel);
  const { policy: possible, notes } = fitted(policy, kernel);
  const { fs, net, scoped } = possible.handled;
  const isEmpty = fs === 0n && net === 0n && scoped === 0n;
  return {
    notes,
    warning: isEmpty ? `${placeIn("")}: nothing of it is in force: ${notes.join("; ")}` : null,
    make: (program) => (isEmpty ? () => {} : makeRuleset(program, possible, { ...how, isExact })),
  };
}

function isStrict(value = "false"): boolean {
  if (value !== "true" && value !== "false")
    fail(
      `annotations["${LANDLOCK_STRICT_ANNOTATION}"]`,
      `must be true or false, found ${JSON.stringify(value)}`,
    );
  return value === "true";
}

/** landlock_restrict_self(2) asks for one of two, or a set-uid program could be confused by what it may not do. */
function requirePrivilege({ noNewPrivileges, capabilities }: Process): void {
  if (noNewPrivileges || capabilities?.effective?.includes("CAP_SYS_ADMIN")) return;
  throw new UserError(
    placeIn(""),
    "Landlock needs process.noNewPrivileges, or CAP_SYS_ADMIN in process.capabilities.effective",
  );
}

/**
 * A path that is not there gets no rule, unless the policy is strict: one policy is for many images, and what no rule is
 * about is forbidden. A container that has run may have removed it, which must not keep `exec` out.
 */
const MISSING = [ERRNO.ENOENT, ERRNO.ENOTDIR, ERRNO.ELOOP];

const TOO_FEW = { EBADF: "process.rlimits allows too few open files (RLIMIT_NOFILE) to make a ruleset" };

interface Making extends Confined {
  /** Whether the policy is strict. */
  readonly isExact: boolean;
}

function makeRuleset(program: Program, { handled, paths, ports }: Policy, how: Making): () => void {
  program.by(placeIn(""));
  const ruleset = program.add(landlockCreateRuleset(handled));
  const root = program.add(openat(CWD, "/", O_PATH | O_DIRECTORY));
  // The kernel takes a rule's directory in memory, which no earlier step can write. So each is open as one descriptor
  // whose number is known: all above are closed, and the ruleset, the root and the directory take the next three.
  const parent = FIRST_FD + how.preservedFds + 3;
  for (const rule of paths) addPath(program, { ruleset, root, parent }, rule, how);
  if (paths.some(({ rights }) => rights !== 0n)) program.by(placeIn("")).add(close(parent), [ERRNO.EBADF]);
  program.by(placeIn("")).add(close(root));
  for (const { port, rights, place } of ports)
    if (rights !== 0n) program.by(placeIn(place)).add(landlockAddPort(ruleset, rights, port));
  return () => {
    program.by(placeIn("")).add(landlockRestrictSelf(ruleset));
    program.add(close(ruleset));
  };
}

interface Opened {
  readonly ruleset: StepResult;
  readonly root: StepResult;
  readonly parent: number;
}

function addPath(
  program: Program,
  { ruleset, root, parent }: Opened,
  { path, rights, place }: PathRule,
  { joins, isExact }: Making,
): void {
  if (rights === 0n) return;
  const ofFiles = rights & FILE_RIGHTS;
  program.by(`${placeIn(place)} (${path})`);
  program.whenOk(openat2(root, join(path), O_PATH, INSIDE), isExact && !joins ? [] : MISSING, (opened) => {
    program.add(dup3(opened, parent, O_CLOEXEC), [], TOO_FEW);
    program.add(close(opened));
    // Rights over what is in a directory are refused for a file; landlockconfig leaves them out there, too.
    const narrower = ofFiles !== 0n && ofFiles !== rights;
    program.orElse(landlockAddPath(ruleset, rights, parent), narrower ? [ERRNO.EINVAL] : [], () => {
      if (narrower) program.add(landlockAddPath(ruleset, ofFiles, parent));
    });
  });
}
