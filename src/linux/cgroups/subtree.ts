import { SyscallError } from "../../kernel/call.ts";
import { CWD, close, openat } from "../../kernel/calls.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_PATH } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { isErrno } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { subdirectories } from "../../kernel/list-directory.ts";

/**
 * Visits every cgroup below `directory`, children before their parents; `visit` gets the parent's descriptor and the
 * name as a C string. A container may name its cgroups by any bytes and nest them as deep as it likes: neither path
 * lengths nor the number of open descriptors grow with the depth. Cgroups that vanish meanwhile are left out, and
 * a `directory` that does not exist is fine.
 * @throws SyscallError
 */
export function visitBelow(directory: string, visit: (parent: number, name: Uint8Array) => void): void {
  let fd = openDirectory(CWD, directory);
  if (fd === null) return;
  const levels: Level[] = [{ name: new Uint8Array(), children: childrenOf(fd) }];
  try {
    for (;;) {
      const level = levels[levels.length - 1];
      if (level === undefined) return;
      const child = level.children.pop();
      if (child !== undefined) {
        const below = openDirectory(fd, child);
        if (below === null) continue;
        here(close(fd));
        fd = below;
        levels.push({ name: child, children: childrenOf(fd) });
        continue;
      }
      levels.pop();
      if (levels.length === 0) return;
      const above = here(openat(fd, "..", O_PATH | O_DIRECTORY));
      here(close(fd));
      fd = above;
      visit(fd, level.name);
    }
  } finally {
    here(close(fd));
  }
}

interface Level {
  readonly name: Uint8Array;
  /** Those that were not visited yet. */
  readonly children: Uint8Array[];
}

function childrenOf(fd: number): Uint8Array[] {
  try {
    return subdirectories(fd);
  } catch (error) {
    if (isErrno(error, ERRNO.ENOENT)) return []; // it was removed since it was opened
    throw error;
  }
}

function openDirectory(parent: number, path: string | Uint8Array): number | null {
  const call = openat(parent, path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  const fd = attempt(call);
  if (fd >= 0) return fd;
  if (fd === -ERRNO.ENOENT) return null;
  throw new SyscallError(call, -fd);
}
