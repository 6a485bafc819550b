import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { waitUntil } from "../harness/wait.ts";

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
