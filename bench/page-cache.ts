import { chmodSync, writeFileSync } from "node:fs";

/**
 * Lets the page cache hold these programs as one sequential read leaves them: in large folios. Page faults, as
 * after the cold rounds or a boot, fill it in another way, with which each start of a Bun binary takes a
 * millisecond longer. So a bench would depend on what happened before it.
 */
export function readAnew(programs: readonly string[]): void {
  for (const program of programs) {
    Bun.spawnSync(["dd", `if=${program}`, "iflag=nocache", "count=0", "status=none"]); // drops it from the cache
    Bun.spawnSync(["cat", program], { stdout: "ignore" });
  }
}

/**
 * Copies a program past the page cache, and then reads it. The same binary's start takes up to a quarter longer
 * or shorter, depending on how its pages came into the cache; pages that are mapped stay as they are. So all that
 * are compared are copied, before anything runs them. Returns the copy's path.
 */
export function copied(program: string, to: string): string {
  const copy = (...flags: readonly string[]) =>
    Bun.spawnSync(["dd", `if=${program}`, `of=${to}`, "bs=1M", "status=none", ...flags]).success;
  if (!copy("oflag=direct") && !copy()) throw new Error(`${program} can't be copied to ${to}`);
  chmodSync(to, 0o755);
  readAnew([to]);
  return to;
}

/** Whether this process may drop the machine's caches; it does, to find out. */
export function mayDropCaches(): boolean {
  try {
    dropCaches();
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // writeFileSync throws nothing else
    if (code === "EACCES" || code === "EPERM" || code === "EROFS" || code === "ENOENT") return false;
    throw error;
  }
}

/** proc_sys_vm(5): page cache, dentries and inodes; only what is not dirty, so sync(1) comes first. */
export function dropCaches(): void {
  Bun.spawnSync(["sync"]);
  writeFileSync("/proc/sys/vm/drop_caches", "3");
}
