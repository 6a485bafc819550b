import type { Config, Process } from "../../../runtime-spec/config.ts";
import { type Program, returned } from "../../agent/program.ts";
import type { StepResult } from "../../kernel/call.ts";
import {
  CWD,
  close,
  fchdir,
  openat2,
  prctl,
  setgroups,
  setresgid,
  setresuid,
  umask,
} from "../../kernel/calls.ts";
import {
  O_DIRECTORY,
  O_PATH,
  PR_SET_DUMPABLE,
  PR_SET_KEEPCAPS,
  PR_SET_NO_NEW_PRIVS,
  RESOLVE_NO_MAGICLINKS,
} from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { gidList } from "../../kernel/structs.ts";
import { dropBounding, setCapabilities } from "./capabilities.ts";

const DEFAULT_UMASK = 0o022;

/**
 * Enters the working directory before the user changes, like runc: some images combine a directory that only root may
 * enter with an ordinary user. Returns the step whose result `enterAsUser` checks.
 */
function enterDirectory(program: Program, path: string): StepResult {
  program.by(`process.cwd (${path})`);
  const directory = program.add(openDirectory(path), [ERRNO.EACCES]);
  const entered = program.add(fchdir(directory), [ERRNO.EACCES, ERRNO.EBADF]);
  program.add(close(directory), [ERRNO.EBADF]);
  return entered;
}

/** The user may enter what root of a user namespace, or root on a network file system, perhaps may not. */
function enterAsUser(program: Program, path: string, entered: StepResult): void {
  program.by(`process.cwd (${path})`);
  program.orElse(returned(entered, 0), [ERRNO.EAGAIN], () => {
    const directory = program.add(openDirectory(path));
    program.add(fchdir(directory));
    program.add(close(directory));
  });
}

/** A magic link such as /proc/self/fd/7 could lead out of the container (CVE-2024-21626). */
const openDirectory = (path: string) => openat2(CWD, path, O_PATH | O_DIRECTORY, RESOLVE_NO_MAGICLINKS);

/** How containers of ordinary users differ; null for those of root. */
export interface Unprivileged {
  /**
   * Whether the agent stays dumpable, without which an ordinary user's tsrun can't inspect it. That is safe in a new
   * user namespace: no other process in there could trace it.
   */
  readonly dumpable: boolean;
}

export const KEEP_GROUPS_ANNOTATION = "run.oci.keep_original_groups";

/**
 * Whether a container's processes keep the additional groups of tsrun's caller: `podman --group-add keep-groups`, by
 * crun's annotation.
 */
export function keepsGroups({ annotations }: Pick<Config, "annotations">): boolean {
  return (annotations?.[KEEP_GROUPS_ANNOTATION] ?? "0") !== "0";
}

/**
 * Sets the additional groups. If an ordinary user has mapped only one gid, the kernel allows no setgroups(2)
 * (user_namespaces(7)), and the caller's groups, which are unmapped inside, stay.
 */
export function setGroups(
  program: Program,
  gids: readonly number[],
  unprivileged: Unprivileged | null,
): void {
  program.add(setgroups(gidList(gids)), unprivileged !== null && gids.length === 0 ? [ERRNO.EPERM] : []);
}

/**
 * Becomes the process's user: current directory, groups and ids, capabilities, umask, no_new_privs.
 * The order is forced: the bounding set and groups need the privileges that setresuid(2) and capset(2) end.
 */
export function takeIdentity(
  program: Program,
  process: Process,
  unprivileged: Unprivileged | null,
  keepGroups: boolean,
): void {
  const {
    user: { uid = 0, gid = 0, additionalGids = [], umask: mask = DEFAULT_UMASK } = {},
    capabilities = {},
  } = process;
  const entered = enterDirectory(program, process.cwd);
  dropBounding(program, capabilities);
  // A program without these may change its groups and ids only as the capability sets below allow.
  if (!keepGroups) setGroups(program.by("process.user.additionalGids"), additionalGids, unprivileged);
  program.by("process.user.gid").add(setresgid(gid));
  program.by("process.user.uid").add(prctl(PR_SET_KEEPCAPS, 1));
  program.add(setresuid(uid));
  program.add(prctl(PR_SET_KEEPCAPS, 0));
  // The change of ids may have made the agent dumpable again: others in the container could ptrace it.
  program.add(prctl(PR_SET_DUMPABLE, unprivileged?.dumpable ? 1 : 0));
  setCapabilities(program, capabilities);
  program.by("process.user.umask").add(umask(mask));
  enterAsUser(program, process.cwd, entered);
  if (process.noNewPrivileges) program.by("process.noNewPrivileges").add(prctl(PR_SET_NO_NEW_PRIVS, 1));
}
