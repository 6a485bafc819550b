import { readdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { readMounts } from "./mountinfo.ts";

/** Where the machine's cgroup v2 hierarchy is mounted, on a unified machine and on a hybrid one. */
export function cgroup2Mount(): string {
  const mount = readMounts().find((one) => one.fsType === "cgroup2");
  if (mount === undefined) throw new Error("no cgroup2 is mounted on this machine");
  return mount.mountPoint;
}

/** The controllers that the cgroup v2 hierarchy has here: on a hybrid machine v1 may hold the others. */
export function cgroup2Controllers(): Set<string> {
  const text = readFileSync(join(cgroup2Mount(), "cgroup.controllers"), "utf8");
  return new Set(text.split(/\s+/).filter((name) => name !== ""));
}

/** A process's directory in the cgroup v2 hierarchy, as the host sees it. */
export function cgroup2Of(pid: number): string {
  const line = readFileSync(`/proc/${pid}/cgroup`, "utf8").match(/^0::(.*)$/m)?.[1];
  if (line === undefined) throw new Error(`process ${pid} is in no cgroup v2`);
  return join(cgroup2Mount(), line);
}

/** Every cgroup directory, in whichever hierarchy, whose path holds `token`; the deepest come first. */
export function cgroupsNamed(token: string): string[] {
  const roots = readMounts()
    .filter(({ fsType }) => fsType === "cgroup2" || fsType === "cgroup")
    .map(({ mountPoint }) => mountPoint);
  return roots.flatMap((root) => directoriesIn(root)).filter((path) => path.includes(token));
}

function directoriesIn(path: string): string[] {
  const children = readDirectory(path).map((name) => join(path, name));
  return children.flatMap((child) => [...directoriesIn(child), child]);
}

/** The directories in a cgroup; none when it has just been removed, or nested too deeply, maybe by somebody else. */
function readDirectory(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // readdirSync throws nothing else
    if (code === "ENOENT" || code === "ENODEV" || code === "ENAMETOOLONG") return [];
    throw error;
  }
}

/** Removes the cgroups that `token` names, whose processes are dead or dying; says which there were. */
export async function removeCgroups(token: string): Promise<string[]> {
  const leaked = cgroupsNamed(token);
  for (let tries = 0; tries < 500; tries++) {
    const left = cgroupsNamed(token).filter((path) => !removed(path));
    if (left.length === 0) break;
    await Bun.sleep(20);
  }
  return leaked;
}

/** EBUSY: a process in it has not quite ended. */
function removed(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // rmdirSync throws nothing else
    if (code === "EBUSY") return false;
    if (code === "ENOENT") return true;
    throw error;
  }
}
