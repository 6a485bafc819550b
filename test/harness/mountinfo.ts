import { readFileSync } from "node:fs";

/** One line of /proc/PID/mountinfo, proc_pid_mountinfo(5). */
export interface Mount {
  readonly id: number;
  readonly parent: number;
  /** The directory of the file system that is this mount's root. */
  readonly root: string;
  readonly mountPoint: string;
  /** The mount's own flags, such as `ro` and `nosuid`. */
  readonly options: readonly string[];
  /** Its propagation: `shared:N`, `master:N`, `unbindable`; empty when private. */
  readonly propagation: readonly string[];
  readonly fsType: string;
  readonly source: string;
  /** The file system's options, such as `size=64k`. */
  readonly superOptions: readonly string[];
}

/** The mounts of this process's namespace, in the order of mounting. */
export function readMounts(): Mount[] {
  return parseMounts(readFileSync("/proc/self/mountinfo", "utf8"));
}

/** The mounts in a mountinfo file's text. */
export function parseMounts(text: string): Mount[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map(parseMount);
}

function parseMount(line: string): Mount {
  const [before = "", after = ""] = line.split(" - ");
  const [id, parent, , root = "", mountPoint = "", options = "", ...propagation] = before.split(" ");
  const [fsType = "", source = "", superOptions = ""] = after.split(" ");
  return {
    id: Number(id),
    parent: Number(parent),
    root: plain(root),
    mountPoint: plain(mountPoint),
    options: options.split(","),
    propagation,
    fsType,
    source,
    superOptions: superOptions.split(","),
  };
}

/** mountinfo writes a space, tab, newline and backslash as three octal digits. */
function plain(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

/** The mount that is seen at `path`: the last one there covers the others. */
export function mountAt(mounts: readonly Mount[], path: string): Mount {
  const found = mounts.findLast((mount) => mount.mountPoint === path);
  if (found === undefined) {
    throw new Error(`nothing is mounted at ${path}, only at ${mounts.map((m) => m.mountPoint).join(" ")}`);
  }
  return found;
}
