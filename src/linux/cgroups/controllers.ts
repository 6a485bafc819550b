/** Enables controllers from the root of the hierarchy down to a container's cgroup (cgroups(7), "subtree_control"). */
import { SyscallError } from "../../kernel/call.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { isErrno, writeExisting } from "../../kernel/files.ts";
import { fail } from "../../kernel/user-error.ts";
import { controllersIn } from "./hierarchy.ts";

/** The controllers that limits need, each with the JSON path of a limit that needs it. */
export type RequiredControllers = ReadonlyMap<string, string>;

/**
 * Enables the required controllers in every cgroup above `directory`, and all others where possible: callers read usage
 * from every container, and a container that runs containers itself can pass controllers on. Two reads if all are
 * enabled already. @throws UserError
 */
export function enableControllers(mount: string, directory: string, required: RequiredControllers): void {
  const there = controllersIn(directory);
  const wanted = [...controllersIn(mount)].filter((name) => !there.has(name));
  if (wanted.length === 0) return;
  for (const cgroup of above(mount, directory)) enableIn(cgroup, wanted, required);
}

/** The cgroups above `directory`, from the mount on. */
function above(mount: string, directory: string): string[] {
  const names = directory.slice(mount.length).split("/").slice(0, -1);
  return names.map((_, index) => mount + names.slice(0, index + 1).join("/"));
}

/** Writes to one `cgroup.subtree_control`; all at once, or one by one if the kernel doesn't take them all. */
function enableIn(cgroup: string, wanted: readonly string[], required: RequiredControllers): void {
  const enabled = controllersIn(cgroup, "cgroup.subtree_control");
  const missing = wanted.filter((name) => !enabled.has(name));
  if (missing.length === 0 || tryEnable(cgroup, missing) === null) return;
  for (const name of missing) {
    const error = tryEnable(cgroup, [name]);
    const where = required.get(name);
    if (error !== null && where !== undefined) refuse(cgroup, name, where, error);
  }
}

function tryEnable(cgroup: string, names: readonly string[]): SyscallError | null {
  try {
    writeExisting(`${cgroup}/cgroup.subtree_control`, names.map((name) => `+${name}`).join(" "));
    return null;
  } catch (error) {
    if (error instanceof SyscallError) return error;
    throw error;
  }
}

function refuse(cgroup: string, controller: string, where: string, error: SyscallError): never {
  const { errno } = error;
  const cannot = `the cgroup ${cgroup} can't pass the ${controller} controller on`;
  if (isErrno(error, ERRNO.EBUSY))
    return fail(
      where,
      `${cannot} while it has processes of its own (cgroups(7), no internal processes): ` +
        "move them into a child of it, or choose another linux.cgroupsPath",
    );
  if (isErrno(error, ERRNO.ENOENT, ERRNO.EOPNOTSUPP))
    return fail(where, `${cannot}: it doesn't have it, see its cgroup.controllers and cgroup.type`);
  return fail(where, `${cannot}: ${errnoWords(errno)}`);
}
