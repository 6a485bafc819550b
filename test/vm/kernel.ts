/** Debian's cloud kernel, unpacked from its package beside the build and not installed. */
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { command } from "../harness/mount.ts";

/** The package that depends on the newest kernel of this kind. */
const NEWEST = "linux-image-cloud-amd64";

/** A kernel that QEMU can boot, and its modules. */
export interface Kernel {
  readonly image: string;
  /** Paths of module files by the modules' names. */
  readonly modules: ReadonlyMap<string, string>;
}

/** The kernel in `cache`; fetched from Debian's archive when there is none. @throws Error */
export function cachedKernel(cache: string): Kernel {
  const unpacked = join(cache, "kernel");
  if (!existsSync(unpacked)) fetchKernel(cache, unpacked);
  const boot = join(unpacked, "boot");
  const image = readdirSync(boot).find((name) => name.startsWith("vmlinuz-"));
  if (image === undefined) throw new Error(`${boot} has no vmlinuz: remove ${unpacked} and try again`);
  return { image: join(boot, image), modules: modulesIn(join(unpacked, "lib/modules")) };
}

/** Complete or not there at all, whenever it is interrupted. */
function fetchKernel(cache: string, destination: string): void {
  const work = join(cache, "fetching");
  rmSync(work, { recursive: true, force: true });
  mkdirSync(join(work, "tree"), { recursive: true });
  command("sh", "-c", 'cd "$1" && apt-get download -qq "$2"', "sh", work, newestKernel());
  const archive = readdirSync(work).find((name) => name.endsWith(".deb"));
  if (archive === undefined) throw new Error(`apt-get download left no package in ${work}`);
  command("dpkg", "-x", join(work, archive), join(work, "tree"));
  renameSync(join(work, "tree"), destination);
  rmSync(work, { recursive: true });
}

/** `linux-image-6.1.0-56-cloud-amd64`; the list of packages is fetched when this machine has none. */
function newestKernel(): string {
  const known = dependency();
  if (known !== undefined) return known;
  command("apt-get", "update", "-qq");
  const found = dependency();
  if (found === undefined)
    throw new Error(`Debian's archive has no ${NEWEST}: is it in /etc/apt/sources.list?`);
  return found;
}

function dependency(): string | undefined {
  const listing = command("sh", "-c", `apt-cache depends ${NEWEST} 2>/dev/null || true`);
  return listing.match(/Depends: (linux-image-\S+)/)?.[1];
}

function modulesIn(directory: string): Map<string, string> {
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" });
  const modules = files.filter((file) => file.endsWith(".ko"));
  return new Map(modules.map((file) => [moduleName(basename(file, ".ko")), join(directory, file)]));
}

/** A module's file may have hyphens where its name has underscores. */
function moduleName(name: string): string {
  return name.replaceAll("-", "_");
}

/** Module files in an order in which they load: `names` and all that these depend on. @throws Error */
export function loadOrder({ modules }: Kernel, names: readonly string[]): string[] {
  const order = new Set<string>();
  const add = (name: string): void => {
    const file = modules.get(name);
    if (file === undefined) throw new Error(`the kernel has no module ${name}`);
    if (order.has(file)) return;
    for (const needed of dependenciesOf(file)) add(moduleName(needed));
    order.add(file);
  };
  for (const name of names) add(name);
  return [...order];
}

/** A module names what it depends on in its section .modinfo, as strings `KEY=VALUE` that each end in a zero. */
function dependenciesOf(file: string): string[] {
  const list = readFileSync(file, "latin1").match(/\0depends=([^\0]*)\0/)?.[1] ?? "";
  return list.split(",").filter((name) => name !== "");
}
