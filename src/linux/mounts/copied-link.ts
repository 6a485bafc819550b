/** `copy-symlink`: if the source of a bind mount is a symbolic link, the link is copied instead of followed. */
import type { StepResult } from "../../kernel/call.ts";
import { close, readlinkat, symlinkat } from "../../kernel/calls.ts";
import { S_IFLNK, S_IFMT } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { readLink } from "../../kernel/files.ts";
import type { FileStatus } from "../../kernel/structs.ts";
import { fail } from "../../kernel/user-error.ts";
import { directoryInside } from "../inside.ts";
import type { MountJob } from "./mount-job.ts";
import { asksFor } from "./mount-options.ts";

/** The target of the link at a source; null if it is no link, or not to be copied. @throws UserError */
export function linkToCopy({ where, options }: MountJob, path: string, { mode }: FileStatus): string | null {
  if (!asksFor(options, "copy-symlink")) return null;
  if (asksFor(options, "src-nofollow") || asksFor(options, "dest-nofollow"))
    fail(`${where}.options`, "copy-symlink makes no mount: src-nofollow and dest-nofollow do not go with it");
  return (mode & S_IFMT) === S_IFLNK ? readLink(path) : null;
}

/** Makes the link; the same one may be there already. */
export function copyLink({ program, root, where, mount, path, guard }: MountJob, target: string): void {
  const names = path.split("/");
  const name = names.pop() ?? "";
  const directory = directoryInside(program, root, names.join("/"));
  guard.check(program, directory, where, mount.destination, path);
  const room = new TextEncoder().encode(target).byteLength + 1; // one more, to notice a longer target
  let found: StepResult = { step: 0 };
  const made = program.orElse(symlinkat(target, directory, name), [ERRNO.EEXIST], () => {
    found = program.add(readlinkat(directory, name, { room }), [ERRNO.EINVAL]);
  });
  program.add(close(directory));
  program.afterwards((results) => {
    if (results.result(made) >= 0) return;
    const length = Math.max(0, results.result(found));
    if (new TextDecoder().decode(results.filled(found).subarray(0, length)) === target) return;
    fail(`${where}.destination`, `${mount.destination} exists already, and is not a link to ${target}`);
  });
}
