import type { StepResult } from "../kernel/call.ts";
import {
  fsconfigCreate,
  fsconfigFlag,
  fsconfigString,
  fsmount,
  fsopen,
  mkdirat,
  moveMount,
  openat2,
} from "../kernel/calls.ts";
import { O_DIRECTORY, O_PATH, RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS } from "../kernel/constants.ts";
import { ERRNO } from "../kernel/errno.ts";
import { fail } from "./config-error.ts";
import { directoryInside, names } from "./inside.ts";
import { changeMount, type MountJob, openPlace } from "./mount-job.ts";

/** FSCONFIG_SET_STRING takes at most 255 bytes. */
const LONGEST_OPTION = 255;

/** Mounts a new file system: proc, sysfs, tmpfs, devpts, mqueue, overlay, … Returns the mount. @throws ConfigError */
export function newMount(job: MountJob, type: string): StepResult {
  const { program, options } = job;
  const made = makeFilesystem(job, type);
  const place = isPlain(type) ? plainDirectory(job) : openPlace(job, true);
  changeMount(program, made, { ...options, set: 0, clear: 0 });
  program.add(moveMount(made, place));
  return made;
}

function makeFilesystem({ program, where, mount, options }: MountJob, type: string): StepResult {
  const fs = program.add(fsopen(type));
  const { source = type } = mount;
  if (source !== "") program.add(fsconfigString(fs, "source", source));
  for (const option of options.data) {
    const equals = option.indexOf("=");
    if (option.length - equals > LONGEST_OPTION)
      fail(
        `${where}.options`,
        `the value of ${option.slice(0, equals)} is longer than ${LONGEST_OPTION} bytes`,
      );
    program.add(
      equals < 0
        ? fsconfigFlag(fs, option)
        : fsconfigString(fs, option.slice(0, equals), option.slice(equals + 1)),
    );
  }
  program.add(fsconfigCreate(fs));
  return program.add(fsmount(fs, options.set));
}

export const isPlain = (type: string | undefined) => type === "proc" || type === "sysfs";

/**
 * proc and sysfs only go on real directories: were /proc a symlink, what tsrun and the container later take for
 * procfs would be the image's files (CVE-2019-16884, CVE-2023-27561).
 */
function plainDirectory({ program, root, mount: { destination } }: MountJob): StepResult {
  const path = names(destination);
  const parent = directoryInside(program, root, path.slice(0, -1).join("/"));
  program.add(mkdirat(parent, path.at(-1) ?? ".", 0o755), [ERRNO.EEXIST]);
  const resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  return program.add(openat2(root, path.join("/") || ".", O_PATH | O_DIRECTORY, resolve));
}
