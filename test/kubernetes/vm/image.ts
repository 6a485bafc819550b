import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { command } from "../../harness/mount.ts";
import { type Edition, NoMachine } from "../../vm/kernel.ts";

/** User namespaces of pods want a tmpfs with mapped ids, which Linux has since 6.3. */
export const EDITION: Edition = "backports";

const { CONTAINERD_2 = "", RUNC = "" } = process.env;

/** The node's own programs; each is found in this directory, or in the PATH, where there is none. */
const PROGRAMS = [
  ["kubelet", null],
  ["kubectl", null],
  ["containerd", CONTAINERD_2],
  ["containerd-shim-runc-v2", CONTAINERD_2],
  ["ctr", CONTAINERD_2],
  ["runc", dirname(RUNC)],
] as const;

/** For ext4's own, and more. */
const SPARE_BYTES = 64 * 1024 * 1024;

/**
 * A disk with the programs of the node, in `build/vm/kubernetes`; made where there is none, or one of others.
 * Complete or not there at all, whenever it is interrupted. @throws NoMachine
 */
export function cachedPrograms(project: string): string {
  const cache = join(project, "build/vm/kubernetes");
  const image = join(cache, "programs.img");
  const programs = PROGRAMS.map(([name, directory]) => [name, found(name, directory)] as const);
  const wanted = programs.map(([, path]) => `${path} ${statSync(path).mtimeMs}\n`).join("");
  const list = join(cache, "programs.txt");
  if (existsSync(image) && existsSync(list) && readFileSync(list, "utf8") === wanted) return image;
  const work = join(cache, "making");
  rmSync(work, { recursive: true, force: true });
  mkdirSync(join(work, "tree"), { recursive: true });
  for (const [name, path] of programs) copyFileSync(path, join(work, "tree", name));
  const bytes = programs.reduce((sum, [, path]) => sum + statSync(path).size, SPARE_BYTES);
  const draft = join(work, "programs.img");
  writeFileSync(draft, "");
  truncateSync(draft, bytes);
  command("mke2fs", "-q", "-t", "ext4", "-m", "0", "-d", join(work, "tree"), draft);
  rmSync(list, { force: true });
  renameSync(draft, image);
  writeFileSync(list, wanted);
  rmSync(work, { recursive: true });
  return image;
}

/** @throws NoMachine */
function found(name: string, directory: string | null): string {
  const path = directory === null ? Bun.which(name) : join(directory, name);
  if (path === null || !existsSync(path))
    throw new NoMachine(`needs ${name}: make kubernetes-programs builds it`);
  return path;
}
