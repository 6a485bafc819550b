import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { readMounts } from "../../harness/mountinfo.ts";
import { waitUntil } from "../../harness/wait.ts";

/** The cgroup v2 hierarchy, if a cgroup with a memory limit can be made in it. What is in v1 belongs to the machine. */
export function memoryHierarchy(): string | undefined {
  return readMounts().find(
    ({ fsType, mountPoint }) => fsType === "cgroup2" && passesMemoryOn(mountPoint) && isWritable(mountPoint),
  )?.mountPoint;
}

function passesMemoryOn(root: string): boolean {
  const children = join(root, "cgroup.subtree_control");
  return existsSync(children) && readFileSync(children, "utf8").trim().split(" ").includes("memory");
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false; // whatever the reason, the test is skipped
  }
}

/** A cgroup that is removed when its test is done with it and its processes are gone. */
interface Cgroup extends AsyncDisposable {
  readonly path: string;
}

/** Makes a cgroup that is allowed `bytes` of memory. */
export function limitedCgroup(hierarchy: string, name: string, bytes: number): Cgroup {
  const path = join(hierarchy, name);
  mkdirSync(path);
  writeFileSync(join(path, "memory.max"), String(bytes));
  return { path, [Symbol.asyncDispose]: () => waitUntil(() => isRemoved(path), `${path} is empty`) };
}

function isRemoved(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // rmdirSync throws nothing else
    if (code === "EBUSY") return false; // a process in it has not quite ended
    throw error;
  }
}
