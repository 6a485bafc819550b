/** The rootfs of a sandbox: /pause, and the directories that a runtime mounts on or that a pod's files go to. */
import { directory, type Entry, program } from "./tree.ts";

/** The root may be on a read-only file system, where a runtime cannot make its mount points. */
const MOUNT_POINTS = ["dev", "etc", "proc", "sys"];

export function pauseTree(pause: Uint8Array): readonly Entry[] {
  return [...MOUNT_POINTS.map((path) => directory(path)), program("pause", pause)];
}
