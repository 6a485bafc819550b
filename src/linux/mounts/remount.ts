import type { StepResult } from "../../kernel/call.ts";
import { close, fsconfigReconfigure, fspick, openat2 } from "../../kernel/calls.ts";
import { O_PATH } from "../../kernel/constants.ts";
import { INSIDE } from "../inside.ts";
import { configure } from "./filesystems.ts";
import { changeMount, type MountJob } from "./mount-job.ts";

/**
 * Changes the mount that is already at the destination: its attributes, and options of its file system if any are
 * given. `ro` and the like change only the mount, as the host may use the same file system.
 */
export function remount(job: MountJob): StepResult {
  const { program, root, path, options } = job;
  const { data } = options;
  const mount = program.add(openat2(root, path, O_PATH, INSIDE));
  if (data.length > 0) {
    const fs = program.add(fspick(mount));
    configure(job, fs, data);
    program.add(fsconfigReconfigure(fs));
    program.add(close(fs));
  }
  changeMount(program, mount, options);
  return mount;
}
