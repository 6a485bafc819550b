import { SyscallError } from "../../kernel/call.ts";
import { CWD, close, openat } from "../../kernel/calls.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_PATH } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { listDirectory } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";

/**
 * Visits every cgroup below `directory`, children before their parents; `visit` gets the parent's descriptor and
 * the name. A container may nest its cgroups as deep as it likes: neither path lengths nor the number of open
 * descriptors grow with the depth. Cgroups that vanish meanwhile are left out; none when there is no `directory`.
 * @throws SyscallError
 */
export function visitBelow(directory: string, visit: (parent: number, name: string) => void): void {
  let fd = openDirectory(CWD, directory);
  if (fd === null) return;
  const levels = [{ name: "", children: childrenOf(fd) }];
  try {
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
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

function childrenOf(fd: number): string[] {
  const entries = listDirectory(".", fd) ?? [];
  return entries.filter(({ isDirectory }) => isDirectory).map(({ name }) => name);
}

function openDirectory(parent: number, path: string): number | null {
  const call = openat(parent, path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  const fd = attempt(call);
  if (fd >= 0) return fd;
  if (fd === -ERRNO.ENOENT) return null;
  throw new SyscallError(call, -fd);
}
