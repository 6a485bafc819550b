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

/** A hierarchy with the memory controller, and what it calls its limit. */
interface Hierarchy {
  readonly root: string;
  readonly limit: "memory.max" | "memory.limit_in_bytes";
}

/** Where a cgroup with a memory limit can be made, if anywhere. */
export function memoryHierarchy(): Hierarchy | undefined {
  return readMounts()
    .map(({ fsType, mountPoint }) => hierarchy(fsType, mountPoint))
    .find((found) => found !== undefined && isWritable(found.root));
}

function hierarchy(fsType: string, root: string): Hierarchy | undefined {
  if (fsType === "cgroup" && existsSync(join(root, "memory.limit_in_bytes"))) {
    return { root, limit: "memory.limit_in_bytes" };
  }
  const children = join(root, "cgroup.subtree_control");
  if (fsType !== "cgroup2" || !existsSync(children)) return undefined;
  const passedOn = readFileSync(children, "utf8").trim().split(" ");
  return passedOn.includes("memory") ? { root, limit: "memory.max" } : undefined;
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
export function limitedCgroup({ root, limit }: Hierarchy, name: string, bytes: number): Cgroup {
  const path = join(root, name);
  mkdirSync(path);
  writeFileSync(join(path, limit), String(bytes));
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
