import type { Program } from "../agent/program.ts";
import type { Fd, StepResult } from "../kernel/call.ts";
import { close, mkdirat, mknodat, openat2 } from "../kernel/calls.ts";
import { O_DIRECTORY, O_PATH, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, S_IFREG } from "../kernel/constants.ts";
import { ERRNO } from "../kernel/errno.ts";
import { attempt } from "../kernel/here.ts";

/**
 * Paths inside the rootfs. Each is resolved by openat2(2) as if the rootfs were "/": symlinks and ".." stay
 * inside, magic links of proc are refused, and what follows acts on the descriptor, never on the path again.
 */
export const INSIDE = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;

/**
 * How often resolving a path is tried: openat2(2) with a root gives up on ".." (EAGAIN) whenever any process on the
 * machine renames or mounts something meanwhile.
 */
export const MOST_TRIES = 256;

/** Opens a path inside the rootfs, in this process. Returns the descriptor, or the negative errno. */
export function openInside(root: number, path: string, flags: number): number {
  const call = openat2(root, path, flags, INSIDE);
  let fd = attempt(call);
  for (let tries = 0; tries < MOST_TRIES && fd === -ERRNO.EAGAIN; tries++) fd = attempt(call);
  return fd;
}

/** A path's names, without empty ones, "." and "..", which cannot lead out of "/". */
export function names(path: string): readonly string[] {
  const result: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") result.pop();
    else if (name !== "" && name !== ".") result.push(name);
  }
  return result;
}

/**
 * Opens (O_PATH, and `last`) a directory inside the rootfs, and makes what is missing of it with mode 0755. Nothing
 * else stays open: a container may have a thousand mounts, and a low limit of open files.
 */
export function directoryInside(program: Program, root: Fd, path: string, last = 0): StepResult {
  const parts = names(path);
  if (parts.length === 0) return program.add(openat2(root, ".", O_PATH | O_DIRECTORY, INSIDE));
  let at: Fd = root;
  let opened: StepResult | null = null;
  for (const [index, name] of parts.entries()) {
    program.add(mkdirat(at, name, 0o755), [ERRNO.EEXIST]);
    const flags = O_PATH | O_DIRECTORY | (index === parts.length - 1 ? last : 0);
    opened = program.add(openat2(root, parts.slice(0, index + 1).join("/"), flags, INSIDE));
    if (index > 0) program.add(close(at));
    at = opened;
  }
  if (opened === null) throw new Error("unreachable: parts is not empty");
  return opened;
}

/** Opens (O_PATH, and `last`) a file inside the rootfs, to mount over; an empty one is made when there is none. */
export function fileInside(program: Program, root: Fd, path: string, last = 0): StepResult {
  const parts = names(path);
  const name = parts[parts.length - 1] ?? ".";
  const parent = directoryInside(program, root, parts.slice(0, -1).join("/"));
  program.add(mknodat(parent, name, S_IFREG | 0o644, 0), [ERRNO.EEXIST]);
  program.add(close(parent));
  return program.add(openat2(root, parts.join("/"), O_PATH | last, INSIDE));
}
