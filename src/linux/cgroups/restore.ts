/** Changing the limits of a cgroup that is in use: all of them, or none. */
import { ERRNO } from "../../kernel/errno.ts";
import { isErrno, readText, writeExisting } from "../../kernel/files.ts";
import { applyWrites } from "./apply.ts";
import type { CgroupWrite } from "./cgroup-write.ts";

/** Files with a line a device, and what takes a device's limits away. */
const NO_LIMIT: { readonly [file: string]: string } = {
  "io.max": "rbps=max wbps=max riops=max wiops=max",
  "io.weight": "default",
  "io.bfq.weight": "default",
  "rdma.max": "hca_handle=max hca_object=max",
};

/** Writes as applyWrites does; when one is refused, the files get back what was in them. @throws ConfigError */
export function applyAllOrNone(directory: string, writes: readonly CgroupWrite[]): void {
  const undo = writes
    .flatMap((write) => (write.otherwise === undefined ? [write] : [write, write.otherwise]))
    .map(takenBack(directory));
  try {
    applyWrites(directory, writes);
  } catch (error) {
    for (const restore of undo.reverse()) restore();
    throw error;
  }
}

/** What brings the present state back of what a write changes. */
function takenBack(directory: string): (write: Pick<CgroupWrite, "file" | "value">) => () => void {
  return ({ file, value }) => {
    const path = `${directory}/${file}`;
    const before = present(path);
    if (before === null) return () => {};
    const none = NO_LIMIT[file];
    const device = value.slice(0, value.indexOf(" "));
    const line = before.split("\n").find((one) => one.startsWith(`${device} `));
    const old = none === undefined ? before : (line ?? `${device} ${none}`);
    return () => writeBack(path, old);
  };
}

/** Null where this kernel has no such file, or doesn't let it be read. */
function present(path: string): string | null {
  try {
    return readText(path).trimEnd();
  } catch (error) {
    if (isErrno(error, ERRNO.ENOENT, ERRNO.ENODEV, ERRNO.EACCES, ERRNO.EINVAL)) return null;
    throw error;
  }
}

/** Some old values can't be had back, such as a memory limit below what is in use by now. */
function writeBack(path: string, old: string): void {
  try {
    writeExisting(path, old === "" ? "\n" : old);
  } catch (error) {
    if (!isErrno(error, ERRNO.EBUSY, ERRNO.EINVAL, ERRNO.ENODEV)) throw error;
  }
}
