/** Debian's cloud kernels, unpacked from their packages beside the build and not installed. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type Archive, otherSuite, ownArchive, releaseName } from "../debian/apt.ts";
import { unpackPackage } from "../debian/unpack.ts";
import { command } from "../harness/mount.ts";
import { type Architecture, OWN } from "./architecture.ts";

/** The package that depends on the newest kernel of this kind. */
const newestOf = ({ debian }: Architecture) => `linux-image-cloud-${debian}`;

/** The kernels: that of this machine's release of Debian, and the newer one of its backports. */
export const EDITIONS = ["stable", "backports"] as const;
export type Edition = (typeof EDITIONS)[number];

/** A kernel that QEMU can boot, and its modules. */
interface Kernel {
  readonly image: string;
  /** Paths of module files by the modules' names. */
  readonly modules: ReadonlyMap<string, string>;
  /** Modules that are part of the image. */
  readonly builtIn: ReadonlySet<string>;
}

/** What a machine boots from, such as its kernel, can't be had here. */
export class NoMachine extends Error {}

/**
 * The kernel in `build/vm/EDITION`, or `build/vm/EDITION-ARCHITECTURE`; fetched from Debian's archive when there is none.
 * @throws NoMachine
 */
export function cachedKernel(project: string, edition: Edition, architecture = OWN): Kernel {
  const name = architecture === OWN ? edition : `${edition}-${architecture.debian}`;
  const directory = join(project, "build/vm", name);
  const unpacked = join(directory, "kernel");
  if (!existsSync(unpacked)) fetchKernel(directory, unpacked, edition, architecture);
  const boot = join(unpacked, "boot");
  const image = readdirSync(boot).find((name) => name.startsWith("vmlinuz-"));
  if (image === undefined) throw new Error(`${boot} has no vmlinuz: remove ${unpacked} and try again`);
  return { image: join(boot, image), ...modulesIn(join(unpacked, "lib/modules")) };
}

/** @throws NoMachine */
function fetchKernel(
  directory: string,
  destination: string,
  edition: Edition,
  architecture: Architecture,
): void {
  const newest = newestOf(architecture);
  try {
    const suite = edition === "stable" ? releaseName() : `${releaseName()}-backports`;
    const isOwn = edition === "stable" && architecture === OWN;
    const archive = isOwn ? ownArchive() : otherSuite(suite, join(directory, "apt"), architecture.debian);
    // `linux-image-6.1.0-56-cloud-amd64`.
    const nameIn = (one: Archive) => one.dependencyOf(newest, /^linux-image-/);
    unpackPackage(archive, nameIn, destination, decompressModules);
  } catch (error) {
    throw new NoMachine(`needs ${newest} of ${edition}: ${String(error)}`);
  }
}

/** Newer packages have their modules compressed. */
function decompressModules(tree: string): void {
  command("find", tree, "-name", "*.ko.xz", "-exec", "xz", "--decompress", "--", "{}", "+");
}

function modulesIn(directory: string): Pick<Kernel, "modules" | "builtIn"> {
  const files = readdirSync(directory, { recursive: true, encoding: "utf8" });
  const modules = files.filter((file) => file.endsWith(".ko"));
  const list = files.find((file) => basename(file) === "modules.builtin");
  const builtIn = list === undefined ? [] : readFileSync(join(directory, list), "utf8").split("\n");
  return {
    modules: new Map(modules.map((file) => [moduleName(file), join(directory, file)])),
    builtIn: new Set(builtIn.map(moduleName)),
  };
}

/** A module's file may have hyphens where its name has underscores. */
function moduleName(file: string): string {
  return basename(file, ".ko").replaceAll("-", "_");
}

/** Module files in an order in which they load: `names` and all that these depend on. @throws Error */
export function loadOrder({ modules, builtIn }: Kernel, names: readonly string[]): string[] {
  const order = new Set<string>();
  const add = (name: string): void => {
    if (builtIn.has(name)) return;
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
