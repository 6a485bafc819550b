import { existsSync, readFileSync } from "node:fs";
import type { Patch } from "../harness/bundle.ts";
import { type Container, containerOf, started } from "../harness/container.ts";
import { freshDirectory, uniqueId } from "../harness/environment.ts";
import { type Outcome, runtime, silent } from "../harness/runtime.ts";
import { testIf } from "../harness/skip.ts";
import { waitUntil } from "../harness/wait.ts";

/** A test where criu says that it can work at all. */
export const testCriu = testIf(
  Bun.spawnSync(["criu", "check"]).exitCode === 0,
  "needs a kernel that criu works on (criu check)",
);

/** Counts in memory and in the lines of a file of its /dev/shm, ten times a second. */
export const COUNT = ["sh", "-c", "i=0; while :; do i=$((i+1)); echo $i >> /dev/shm/count; sleep 0.1; done"];

/** A container that has counted to 3 at least. */
export async function counting(patch: Patch = {}): Promise<Container> {
  const box = started({ args: COUNT, ...patch });
  await waitUntil(() => counted(box) >= 3, "it counts");
  return box;
}

/** How far a container that counts has come. */
export function counted(box: Container): number {
  const file = `/proc/${box.pid()}/root/dev/shm/count`;
  return existsSync(file) ? Number(readFileSync(file, "utf8").trimEnd().split("\n").at(-1)) : 0;
}

/** A new directory for images. */
export const imageDirectory = () => freshDirectory("images");

/** Calls `checkpoint` for a container. */
export function checkpoint(box: Container, images: string, ...flags: readonly string[]): Outcome {
  return runtime(["checkpoint", "--image-path", images, ...flags, box.id]);
}

/** A container's images; throws unless they were saved without a word. */
export function saved(box: Container, ...flags: readonly string[]): string {
  const images = imageDirectory();
  silent(checkpoint(box, images, ...flags));
  return images;
}

/** Calls `restore --detach` for a container. */
export function restore(box: Container, images: string, ...flags: readonly string[]): Outcome {
  const given = ["--image-path", images, "--bundle", box.bundle.path, "--pid-file", box.pidFile];
  return runtime(["restore", "--detach", ...given, ...flags, box.id]);
}

/** The container of those images and another's bundle, under a new id; throws unless it is restored without a word. */
export function restored(of: Container, images: string, ...flags: readonly string[]): Container {
  const box = containerOf(of.bundle, uniqueId());
  silent(restore(box, images, ...flags));
  return box;
}
