/** Performs the writes that resources.ts has planned; errors name the property that asked for them. */
import { SyscallError } from "../../kernel/call.ts";
import { ERRNO, type ErrnoName, errnoName, errnoText } from "../../kernel/errno.ts";
import { isErrno, readText, writeExisting } from "../../kernel/files.ts";
import { onBehalfOf } from "../../kernel/here.ts";
import { fail } from "../../kernel/user-error.ts";
import type { CgroupWrite, Note } from "./cgroup-write.ts";
import type { RequiredControllers } from "./controllers.ts";
import { controllersIn, whyMissing } from "./hierarchy.ts";

/** The writes that this host supports, the controllers that they need, and what is left out. */
export interface ResourcePlan {
  readonly writes: readonly CgroupWrite[];
  readonly required: RequiredControllers;
  readonly notes: readonly Note[];
}

/**
 * Checks the writes against the controllers of the host's cgroup v2. A limit whose controller is missing is refused,
 * unless it is the default anyway, such as the cpu.shares that containerd writes. @throws UserError
 */
export function planFor(mount: string, writes: readonly CgroupWrite[]): ResourcePlan {
  if (writes.length === 0) return { writes, required: new Map(), notes: [] };
  const offered = controllersIn(mount);
  const required = new Map<string, string>();
  const notes: Note[] = [];
  const possible = writes.filter((write) => {
    const controller = controllerOf(write);
    if (controller === "cgroup") return true;
    if (!offered.has(controller)) {
      notes.push(leftOut(mount, controller, write));
      return false;
    }
    if (!required.has(controller)) required.set(controller, write.where);
    return true;
  });
  return { writes: possible, required, notes };
}

/** The controller that a file belongs to: `memory` for memory.swap.max. */
export function controllerOf({ file }: CgroupWrite): string {
  return file.slice(0, file.indexOf("."));
}

function leftOut(mount: string, controller: string, { where, isDefault }: CgroupWrite): Note {
  const missing = `this host's cgroup v2 (${mount}) has no ${controller} controller`;
  if (!isDefault) return fail(where, `${missing}: ${whyMissing(controller)}`);
  return { where, message: `left out: ${missing}, and this is the default` };
}

/** Writes to the files of a cgroup, in order. @throws UserError */
export function applyWrites(directory: string, writes: readonly CgroupWrite[]): void {
  for (const write of writes) {
    refuseExceeded(directory, write);
    onBehalfOf(`config.json: ${write.where}`, () => applyWrite(directory, write));
  }
}

function applyWrite(directory: string, write: CgroupWrite): void {
  try {
    writeExisting(`${directory}/${write.file}`, write.value);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const { where, otherwise, tolerate } = write;
    if (otherwise !== undefined && isErrno(error, ERRNO.ENOENT))
      applyWrite(directory, { where, ...otherwise });
    else if (!tolerate?.includes(error.errno)) refuse(directory, write, error);
  }
}

/** Hints for errnos of cgroup files that have a remedy. */
const MEANING: { readonly [name in ErrnoName]?: string } = {
  ENOENT: "this kernel's controller has no such file",
  EINVAL: "the kernel does not take this value here",
  ERANGE: "the value is outside of what the kernel takes",
  ENODEV: "there is no such device, or the cgroup has just been removed",
  EBUSY: "what is in the cgroup, or in those around it, stands against it",
  EACCES: "this user may not change the cgroup",
  EPERM: "this user may not change the cgroup",
  EROFS: "cgroup v2 is mounted read-only here",
};

function refuse(directory: string, { file, value, where }: CgroupWrite, { errno }: SyscallError): never {
  const name = errnoName(errno);
  const meaning = Object.entries(MEANING).find(([key]) => key === name)?.[1] ?? errnoText(errno);
  return fail(where, `cannot write "${value}" to ${directory}/${file}: ${name}: ${meaning}`);
}

/** On a kernel without that file there is nothing to compare with, and nothing is refused. */
function refuseExceeded(directory: string, { mustExceed, where }: CgroupWrite): void {
  if (mustExceed === undefined) return;
  const current = readNumber(directory, mustExceed.file);
  if (current !== null && current >= mustExceed.than)
    fail(where, `${mustExceed.than} is not above the ${current} bytes in use, and checkBeforeUpdate is set`);
}

function readNumber(directory: string, file: string): number | null {
  try {
    return Number(readText(`${directory}/${file}`));
  } catch (error) {
    if (isErrno(error, ERRNO.ENOENT, ERRNO.ENODEV)) return null;
    throw error;
  }
}
