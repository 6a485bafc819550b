/**
 * The terminal of a container's process (config.md, `process.terminal`): a pseudoterminal of the container's own
 * devpts, so that tty(1) and /dev/pts inside agree with it.
 *
 * No path is resolved twice: the slave is opened from the master by TIOCGPTPEER, and /dev/console is a clone of that
 * same mount (CVE-2025-52565).
 */
import type { Process } from "../../runtime-spec/config.ts";
import type { Program } from "../agent/program.ts";
import type { Fd, StepResult } from "../kernel/call.ts";
import { close, dup3, fchownat, mknodat, moveMount, openat2, openTree, SAME_GROUP } from "../kernel/calls.ts";
import {
  AT_EMPTY_PATH,
  O_NOCTTY,
  O_PATH,
  O_RDWR,
  OPEN_TREE_CLONE,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  S_IFREG,
  STREAMS,
} from "../kernel/constants.ts";
import { ERRNO } from "../kernel/errno.ts";
import { openSlave, setWindowSize, takeControl, unlockSlave } from "../kernel/terminal.ts";
import { directoryInside, INSIDE } from "./inside.ts";

const WHERE = "process.terminal (needs a devpts on /dev/pts)";

/** A terminal that the steps of a program open. */
export interface Terminal {
  readonly master: StepResult;
  readonly slave: StepResult;
}

/**
 * Opens a terminal of the devpts on /dev/pts below `root`, and sets the size that the process asks for. Its owner
 * becomes the process's user, as its mode lets no other user open it. Expects to be root of the user namespace.
 */
export function openTerminal(program: Program, root: Fd, { consoleSize, user }: Process): Terminal {
  program.by(WHERE);
  const master = program.add(openat2(root, "dev/pts/ptmx", O_RDWR | O_NOCTTY, INSIDE | RESOLVE_NO_SYMLINKS));
  program.add(unlockSlave(master));
  const slave = program.add(openSlave(master));
  if (consoleSize !== undefined) program.by("process.consoleSize").add(setWindowSize(master, consoleSize));
  // A devpts that is not the container's own may be read-only, or of another user namespace.
  program
    .by("process.terminal (owner)")
    .add(fchownat(slave, "", user?.uid ?? 0, SAME_GROUP, AT_EMPTY_PATH), [
      ERRNO.EPERM,
      ERRNO.EINVAL,
      ERRNO.EROFS,
    ]);
  return { master, slave };
}

/**
 * Makes the terminal the container's /dev/console (config-linux.md, "Default Devices"). A symbolic link of the image
 * there is refused: it could cover a file in proc that programs trust (CVE-2025-52565).
 */
export function bindConsole(program: Program, root: Fd, { slave }: Terminal): void {
  program.by("process.terminal (/dev/console)");
  const dev = directoryInside(program, root, "dev");
  program.add(mknodat(dev, "console", S_IFREG | 0o644, 0), [ERRNO.EEXIST]);
  const place = program.add(openat2(dev, "console", O_PATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS));
  program.add(moveMount(program.add(openTree(slave, "", OPEN_TREE_CLONE | AT_EMPTY_PATH)), place));
}

/** Makes the terminal the process's standard streams, and the controlling terminal of its session. */
export function takeTerminal(program: Program, { slave }: Terminal): void {
  program.by("process.terminal");
  for (const stream of STREAMS) program.add(dup3(slave, stream, 0));
  program.add(takeControl(STREAMS[0]));
}

/** Closes the terminal's descriptors except for the standard streams, once the master has been passed on. */
export function closeTerminal(program: Program, { master, slave }: Terminal): void {
  program.by("process.terminal");
  program.add(close(master));
  program.add(close(slave));
}
