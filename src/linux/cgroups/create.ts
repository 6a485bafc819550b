import { SyscallError } from "../../kernel/call.ts";
import { CWD, openat } from "../../kernel/calls.ts";
import { O_DIRECTORY, O_PATH } from "../../kernel/constants.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { isErrno, makeDirectory } from "../../kernel/files.ts";
import { here, onBehalfOf } from "../../kernel/here.ts";
import { fail } from "../../kernel/user-error.ts";
import { enableControllers, type RequiredControllers } from "./controllers.ts";
import { readEvents } from "./events.ts";
import { OURS, removeParents, removeUnused } from "./remove.ts";

/** The deletion of another container may remove a parent that we have just seen: then we start again. */
const TRIES = 20;

/**
 * Makes a container's cgroup with its missing parents and enables the controllers that its limits need.
 * Returns a descriptor of the directory (O_PATH), for CLONE_INTO_CGROUP and for `attachDevices`.
 * An existing cgroup is used if it is empty. If anything fails, what was made is removed again.
 * @throws UserError (EACCES, EPERM, EROFS: no permission here)
 */
export function createCgroup(mount: string, directory: string, required: RequiredControllers): number {
  for (let left = TRIES; ; left--) {
    try {
      return make(mount, directory, required);
    } catch (error) {
      if (left === 0 || !isErrno(error, ERRNO.ENOENT, ERRNO.ENODEV)) throw error;
    }
  }
}

function make(mount: string, directory: string, required: RequiredControllers): number {
  const isNew = makeWithParents(mount, directory);
  if (!isNew) refuseUnfit(directory);
  try {
    enableControllers(mount, directory, required);
    return here(openat(CWD, directory, O_PATH | O_DIRECTORY));
  } catch (error) {
    if (isNew) removeUnused(mount, directory);
    throw error;
  }
}

/** Performs a step of making a container's cgroup. @throws UserError, with its path, for a system call that fails */
export function namingCgroup<T>(directory: string, step: () => T): T {
  try {
    return onBehalfOf("config.json: linux.cgroupsPath", step);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const { call, errno } = error;
    const hint =
      errno === ERRNO.EAGAIN
        ? "; cgroup.max.descendants or cgroup.max.depth of a cgroup above is reached"
        : "";
    return fail(
      "linux.cgroupsPath",
      `cannot make the cgroup ${directory}: ${call.name}: ${errnoWords(errno)}${hint}`,
    );
  }
}

/** Returns false when the cgroup exists. Parents are marked as ours. */
function makeWithParents(mount: string, directory: string): boolean {
  try {
    return makeDirectory(directory);
  } catch (error) {
    if (!isErrno(error, ERRNO.ENOENT)) throw error;
  }
  try {
    for (const parent of between(mount, directory)) makeDirectory(parent, 0o755 | OURS);
    return makeDirectory(directory);
  } catch (error) {
    removeParents(mount, directory);
    throw error;
  }
}

/** The cgroups above `directory` and below the mount, the topmost first. */
function between(mount: string, directory: string): string[] {
  const names = directory.slice(mount.length + 1).split("/");
  return names.slice(1).map((_, index) => `${mount}/${names.slice(0, index + 1).join("/")}`);
}

/**
 * Refuses a cgroup with processes, which would share the container's limits and be killed with it; and a frozen one,
 * which would never let it start. A cgroup that does not exist is fine. @throws UserError
 */
export function refuseUnfit(directory: string): void {
  const events = namingCgroup(directory, () => readEvents(directory));
  if (events?.populated)
    fail(
      "linux.cgroupsPath",
      `the container's cgroup is not empty: ${directory} has processes already; name one that is its own`,
    );
  if (events?.frozen)
    fail(
      "linux.cgroupsPath",
      `the container's cgroup unexpectedly frozen: write 0 to ${directory}/cgroup.freeze`,
    );
}
