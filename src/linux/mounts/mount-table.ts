import { readText, statusIfThere } from "../../kernel/files.ts";

/** One line of /proc/self/mountinfo (proc_pid_mountinfo(5)), as far as it is used here. */
export interface MountEntry {
  /** The mount's id, which is also in proc_pid_fdinfo(5). */
  readonly id: string;
  readonly point: string;
  /** Which directory of its file system it shows: "/" is all of it. */
  readonly root: string;
  readonly type: string;
  readonly source: string;
  /** The mount's own options, such as `nosuid`, and those of its file system, such as `size=64k`. */
  readonly options: readonly string[];
  readonly superOptions: readonly string[];
  /** How it gets and passes on mounts: `shared:N`, `master:N`, `unbindable`; none when it is private. */
  readonly propagation: readonly string[];
  readonly shared: boolean;
  /** Whether the mount, whatever its file system, is read-only. */
  readonly readonly: boolean;
}

/** The mounts that a process sees, in the kernel's order. */
export function mountTable(pid: number | "self" = "self"): readonly MountEntry[] {
  return mountsIn(readText(`/proc/${pid}/mountinfo`));
}

/** The mounts in the text of a file `mountinfo`. */
export function mountsIn(text: string): readonly MountEntry[] {
  return text.split("\n").filter(Boolean).map(readLine);
}

function readLine(line: string): MountEntry {
  const fields = line.split(" ");
  const separator = fields.indexOf("-");
  const options = (fields[5] ?? "").split(",");
  const propagation = fields.slice(6, separator);
  return {
    id: fields[0] ?? "",
    point: decodeEscapes(fields[4] ?? "/"),
    root: fields[3] ?? "",
    type: fields[separator + 1] ?? "",
    source: decodeEscapes(fields[separator + 2] ?? ""),
    options,
    superOptions: (fields[separator + 3] ?? "").split(","),
    propagation,
    readonly: options.includes("ro"),
    shared: propagation.some((tag) => tag.startsWith("shared:")),
  };
}

/** The kernel writes space, tab, newline and backslash as octal escapes. */
function decodeEscapes(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** The mount that a path of the host leads to; null if it can't be seen, as in a chroot. */
export function mountOf(path: string): MountEntry | null {
  const mount = statusIfThere(path)?.mount;
  return mountTable().find(({ id }) => id === `${mount}`) ?? null;
}

/** With these propagation types no mount of the container is shared with the host. */
const CUT_OFF: readonly string[] = ["rslave", "rprivate", "runbindable"];

/**
 * The mount point that a rootfs lies on, if rootfsPropagation leaves or makes it shared in the container (`private`
 * concerns only "/"): it must become private before the rootfs is mounted and pivoted to.
 */
export function sharedParentOf(rootfs: string, propagation: string | undefined): string | null {
  if (propagation === undefined || CUT_OFF.includes(propagation)) return null;
  const nearest = mountOf(rootfs);
  if (nearest === null) return null;
  const isShared =
    nearest.point === "/" ? propagation.endsWith("shared") : propagation === "rshared" || nearest.shared;
  return isShared ? nearest.point : null;
}
