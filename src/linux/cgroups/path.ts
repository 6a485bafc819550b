/** From `linux.cgroupsPath` to a directory (config-linux.md, "Cgroups Path"). */
import type { Caller } from "../../agent/caller.ts";
import { readText } from "../../kernel/files.ts";
import { fail } from "../../kernel/user-error.ts";

const WHERE = "linux.cgroupsPath";

/**
 * The directory of a container's cgroup below `mount`, as with runc's cgroupfs driver: an absolute path starts at the
 * mount; a relative one, or the id if there is no path, beside the caller's own cgroup, which has processes and
 * therefore can't have children with controllers. No path leads out of the mount.
 * @throws UserError
 */
export function cgroupDirectory(
  caller: Pick<Caller, "proc">,
  mount: string,
  cgroupsPath: string | undefined,
  id: string,
): string {
  const path = cgroupsPath || id;
  if (isSystemdForm(path))
    return fail(
      WHERE,
      `"${path}" has the form slice:prefix:name, which is for --systemd-cgroup: give a path such as "/tsrun/${id}"`,
    );
  if (path.includes("\n")) return fail(WHERE, "must not contain a newline: the kernel refuses such a cgroup");
  const inside = path.startsWith("/") ? clean(path) : clean(parentOf(cgroupOf(caller))) + clean(path);
  if (inside === "") return fail(WHERE, `"${path}" is the root of the hierarchy: name a cgroup below it`);
  return mount + inside;
}

/** Whether a cgroupsPath is meant for systemd: `system.slice:docker:1234`. */
export function isSystemdForm(cgroupsPath: string): boolean {
  return !cgroupsPath.includes("/") && cgroupsPath.split(":").length === 3;
}

/** `/a/b` for `a/./x/../b`, `../a//b/`; empty for the root. */
function clean(path: string): string {
  const names: string[] = [];
  for (const name of path.split("/")) {
    if (name === "..") names.pop();
    else if (name !== "" && name !== ".") names.push(name);
  }
  return names.map((name) => `/${name}`).join("");
}

/** The cgroup v2 that the caller is in, from the root of the hierarchy. */
export function cgroupOf({ proc }: Pick<Caller, "proc">): string {
  const lines = readText(`${proc}/cgroup`).split("\n");
  return lines.find((line) => line.startsWith("0::"))?.slice(3) ?? "/";
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/"));
}
