/** Changes the limits of a cgroup that is in use: all of them, or none. */
import { ERRNO } from "../../kernel/errno.ts";
import { isErrno, readText, writeExisting } from "../../kernel/files.ts";
import { applyWrites } from "./apply.ts";
import type { CgroupWrite } from "./cgroup-write.ts";

/** Files with one line for each device, and the text that removes a device's limits. */
const NO_LIMIT: { readonly [file: string]: string } = {
  "io.max": "rbps=max wbps=max riops=max wiops=max",
  "io.weight": "default",
  "io.bfq.weight": "default",
  "rdma.max": "hca_handle=max hca_object=max",
};

/** Writes like applyWrites; if a write is refused, the files get their old values back. @throws UserError */
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

/** The writes that bring back the present values of what a write changes. */
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

/** Null if this kernel has no such file, or it can't be read. */
function present(path: string): string | null {
  try {
    return readText(path).trimEnd();
  } catch (error) {
    if (isErrno(error, ERRNO.ENOENT, ERRNO.ENODEV, ERRNO.EACCES, ERRNO.EINVAL)) return null;
    throw error;
  }
}

/** Some old values can't be restored, such as a memory limit that is now below the usage. */
function writeBack(path: string, old: string): void {
  try {
    writeExisting(path, old === "" ? "\n" : old);
  } catch (error) {
    if (!isErrno(error, ERRNO.EBUSY, ERRNO.EINVAL, ERRNO.ENODEV)) throw error;
  }
}
