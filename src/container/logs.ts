/** What a container has printed, when it was made with a file for that. */
import { CWD, close, lseek, openat, read } from "../kernel/calls.ts";
import { AT_EMPTY_PATH, O_NONBLOCK, O_RDONLY, S_IFMT, S_IFREG, SEEK_SET } from "../kernel/constants.ts";
import { errnoWords } from "../kernel/errno.ts";
import { status } from "../kernel/files.ts";
import { attempt, here } from "../kernel/here.ts";
import { UserError } from "../kernel/user-error.ts";
import type { StateDirectory } from "./state/state-directory.ts";
import { containerStatus } from "./state/status.ts";
import type { Store } from "./state/store.ts";

/** How often more output is looked for, in milliseconds. */
const LOOK = 100;

/** How much is read at a time. */
const CHUNK = 65_536;

/**
 * What is in the file of the container's output, piece by piece; with `follow` also what is added until the container
 * has ended. A file that was cut off is read from its start. A piece is valid until the next one. @throws UserError
 */
export async function* outputOf(store: Store, id: string, follow: boolean): AsyncGenerator<Uint8Array, void> {
  using directory = store.open(id);
  const fd = openOutput(directory);
  try {
    const chunk = new Uint8Array(CHUNK);
    for (let at = 0; ; await Bun.sleep(LOOK)) {
      const isLast = !follow || hasEnded(directory); // before reading: nothing comes after the end
      if (status("", AT_EMPTY_PATH, fd).size < at) {
        at = 0;
        here(lseek(fd, 0, SEEK_SET));
      }
      for (let count = here(read(fd, chunk)); count > 0; count = here(read(fd, chunk))) {
        at += count;
        yield chunk.subarray(0, count);
      }
      if (isLast) return;
    }
  } finally {
    here(close(fd));
  }
}

function openOutput(directory: StateDirectory): number {
  const path = directory.read()?.output;
  const refuse = (why: string) => new UserError(`no output of container ${directory.id}`, why);
  if (path === undefined)
    throw refuse("it was started without --output FILE, and prints where its `tsrun run` or `create` did");
  const fd = attempt(openat(CWD, path, O_RDONLY | O_NONBLOCK)); // a named pipe would wait for a writer
  if (fd < 0) throw refuse(`cannot read ${path}: ${errnoWords(-fd)}`);
  if ((status("", AT_EMPTY_PATH, fd).mode & S_IFMT) === S_IFREG) return fd;
  here(close(fd));
  throw refuse(`${path} is not a regular file`);
}

/** Whether the container's process has ended, or the container was deleted. */
function hasEnded(directory: StateDirectory): boolean {
  const saved = directory.read();
  return saved === null || containerStatus(directory, saved) === "stopped";
}
