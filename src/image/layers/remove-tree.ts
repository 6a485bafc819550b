/** Removes files, and directories with all that is in them, however deep: with one descriptor at a time. */
import { type Call, SyscallError } from "../../kernel/call.ts";
import { close, openat, unlinkat } from "../../kernel/calls.ts";
import { AT_REMOVEDIR, O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { attempt, here } from "../../kernel/here.ts";
import { namesOfDirectory } from "../../kernel/list-directory.ts";
import { latin1, pathOf } from "../names.ts";

/** Whether the file at a path is to stay. If so, then also the directories on the way to it. */
type IsKept = (path: string) => boolean;

/** A directory on the way down, and what is still to be looked at in it. */
interface Level {
  readonly name: string;
  readonly path: string;
  readonly left: string[];
  stays: boolean;
}

/**
 * Removes the file `name` of the open directory `parent`, or the directory with what is in it. `isKept` is asked about
 * `path`, which is its own, and about the paths below it. @throws SyscallError
 */
export function remove(parent: number, name: string, path = name, isKept: IsKept = () => false): void {
  const stays = isKept(path);
  if (!stays && isRemoved(unlinkat(parent, pathOf(name), 0))) return;
  const directory = attempt(openDirectory(parent, name));
  if (stays && directory < 0) return; // a file
  if (directory < 0) throw new SyscallError(openDirectory(parent, name), -directory);
  const isEmpty = empty(directory, { name, path, left: listed(directory), stays }, isKept);
  if (isEmpty) here(unlinkat(parent, pathOf(name), AT_REMOVEDIR));
}

/** Removes what is in a directory; closes it. Returns whether it may go, too. */
function empty(directory: number, top: Level, isKept: IsKept): boolean {
  const levels = [top];
  let at = directory;
  const move = (name: string) => {
    const to = here(openDirectory(at, name));
    here(close(at));
    at = to;
  };
  try {
    for (let level = top; ; ) {
      const next = level.left.pop();
      if (next !== undefined) {
        const path = level.path === "" ? next : `${level.path}/${next}`;
        const stays = isKept(path);
        if (stays ? !isDirectory(at, next) : isRemoved(unlinkat(at, pathOf(next), 0))) {
          level.stays ||= stays;
          continue;
        }
        move(next);
        level = { name: next, path, left: listed(at), stays };
        levels.push(level);
        continue;
      }
      levels.pop();
      const above = levels.at(-1);
      if (above === undefined) return !top.stays;
      move(".."); // nobody moves directories meanwhile
      if (level.stays) above.stays = true;
      else here(unlinkat(at, pathOf(level.name), AT_REMOVEDIR));
      level = above;
    }
  } finally {
    here(close(at));
  }
}

const openDirectory = (parent: number, name: string) =>
  openat(parent, pathOf(name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);

function isDirectory(parent: number, name: string): boolean {
  const fd = attempt(openDirectory(parent, name));
  if (fd >= 0) here(close(fd));
  return fd >= 0;
}

/** Removes a file, unless there is none. False when it is a directory. */
function isRemoved(call: Call): boolean {
  const result = attempt(call);
  if (result >= 0 || result === -ERRNO.ENOENT) return true;
  if (result === -ERRNO.EISDIR) return false;
  throw new SyscallError(call, -result);
}

const listed = (directory: number) => namesOfDirectory(directory).map(latin1);
