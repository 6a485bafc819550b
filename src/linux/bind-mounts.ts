import type { StepResult } from "../kernel/call.ts";
import { CWD, moveMount, openTree } from "../kernel/calls.ts";
import { AT_RECURSIVE, OPEN_TREE_CLONE, S_IFDIR, S_IFMT } from "../kernel/constants.ts";
import { statusIfThere } from "../kernel/files.ts";
import { fail } from "./config-error.ts";
import { changeMount, type MountJob, openPlace } from "./mount-job.ts";
import { isAbsolute, join } from "./paths.ts";
import { requireProcfs } from "./proc-places.ts";

/** What a bind mount shows: a path on the host, and whether a directory is there. */
interface HostSource {
  readonly path: string;
  readonly isDirectory: boolean;
}

/** Binds what `source` names on the host, or beside the bundle's config.json. @throws ConfigError */
export function bindHost(job: MountJob): StepResult {
  return bindMount(job, hostSource(job));
}

function hostSource({ where, mount: { source }, path: destination, context }: MountJob): HostSource {
  if (source === undefined || source === "") return fail(`${where}.source`, "a bind mount needs a source");
  const path = isAbsolute(source) ? source : join(context.bundle, source);
  const status = statusIfThere(path);
  if (status === null) return fail(`${where}.source`, `${path} does not exist`);
  if (destination === "proc") requireProcfs(where, path);
  return { path, isDirectory: (status.mode & S_IFMT) === S_IFDIR };
}

/** Binds a file or directory of the host (or, through a symlink, what it points to). Returns the mount. */
export function bindMount(job: MountJob, { path, isDirectory }: HostSource): StepResult {
  const { program, options } = job;
  const recursive = options.bind === "bind" ? 0 : AT_RECURSIVE;
  const tree = program.add(openTree(CWD, path, OPEN_TREE_CLONE | recursive));
  const place = openPlace(job, isDirectory);
  changeMount(program, tree, options);
  program.add(moveMount(tree, place));
  return tree;
}
