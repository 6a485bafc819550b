/** Where runtimes keep the state of their containers: the directories that callers give as `--root`. */
import type { Caller } from "../../agent/caller.ts";
import { SyscallError } from "../../kernel/call.ts";
import { CWD, faccessat2 } from "../../kernel/calls.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { attempt } from "../../kernel/here.ts";
import { listDirectory } from "../../kernel/list-directory.ts";

/**
 * Paths; a `*` in a name stands for any. Containers are in them, or one directory further down, where callers keep a
 * root for each of their namespaces (`/run/containerd/runc/k8s.io`, `/run/docker/runtime-runc/moby`).
 */
const OF_SYSTEM = [
  "/run/tsrun", // tsrun itself; containerd and CRI-O, as docs/callers.md configures them
  "/run/containerd/runc", // containerd, where its configuration names no other Root
  "/run/docker/runtime-*", // docker, for each runtime
  "/run/runc", // runc itself; CRI-O, podman
  "/run/crun", // crun itself; CRI-O, podman
] as const;

/** The same below $XDG_RUNTIME_DIR, for the containers of ordinary users. */
const OF_USER = ["tsrun", "runc", "crun", "containerd/runc", "docker/runtime-*"] as const;

/** What could not be looked at, for people. */
export type Tell = (line: string) => void;

/** All of these that there are. Root sees those of every user, others their own ones beside the system's. */
export function everyRoot({ uid, env }: Pick<Caller, "uid" | "env">, tell: Tell): readonly string[] {
  const { XDG_RUNTIME_DIR: own = "" } = env;
  const ofUsers = [...(own === "" ? [] : [own]), ...(uid === 0 ? ["/run/user/*"] : [])];
  const patterns = [...OF_SYSTEM, ...ofUsers.flatMap((base) => OF_USER.map((name) => `${base}/${name}`))];
  const found = patterns.flatMap((pattern) => matching(pattern, tell));
  return [...new Set(found)].flatMap((root) => [
    root,
    ...below(root, () => {}).filter((path) => !isContainer(path)), // what root cannot show is told when it is looked at
  ]);
}

/** Whether a directory holds a container's state, or can't be looked into; else it may be a root. */
function isContainer(path: string): boolean {
  return ["state.json", "status"].some(
    (name) => attempt(faccessat2(CWD, `${path}/${name}`, 0, 0)) !== -ERRNO.ENOENT,
  );
}

/** The directories that a pattern names. */
function matching(pattern: string, tell: Tell): readonly string[] {
  let found = [""];
  for (const step of pattern.split("/").slice(1)) {
    const [start = "", end] = step.split("*");
    if (end === undefined) found = found.map((path) => `${path}/${step}`);
    else
      found = found.flatMap((path) =>
        below(path, tell).filter((one) => one.startsWith(`${path}/${start}`) && one.endsWith(end)),
      );
  }
  return found;
}

function below(path: string, tell: Tell): readonly string[] {
  return directoriesIn(path, tell).map((name) => `${path}/${name}`);
}

/** The names of the directories in a directory, sorted; none where there is no such directory, or no way in. */
export function directoriesIn(path: string, tell: Tell): readonly string[] {
  try {
    const found = listDirectory(path) ?? [];
    return found
      .filter(({ isDirectory }) => isDirectory)
      .map(({ name }) => name)
      .sort();
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    if (error.errno !== ERRNO.ENOTDIR) tell(`${path}: ${errnoWords(error.errno)}`);
    return [];
  }
}
