/**
 * The programs that a guest gets, with the libraries that they are linked with: this machine's own, or, for a guest of
 * another architecture, those of Debian's packages that are unpacked here.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { busyboxPath } from "../../rootfs/busybox-binary.ts";
import { MissingPackage } from "../../rootfs/missing-package.ts";
import { type Entry, program } from "../../rootfs/tree.ts";
import { otherSuite, releaseName } from "../debian/apt.ts";
import { unpackPackages } from "../debian/unpack.ts";
import { command } from "../harness/mount.ts";
import { type Architecture, built, OWN } from "./architecture.ts";
import { NoMachine } from "./kernel.ts";

/** A file and the package that has it. */
export type Owned = readonly [path: string, owner: string];

export interface Userland {
  readonly architecture: Architecture;
  /** Below it are /usr/bin and so on. */
  readonly root: string;
  /** A static busybox. */
  readonly busybox: string;
}

const HERE: Userland = { architecture: OWN, root: "/", busybox: busyboxPath() };

/**
 * That of guests of an architecture: this machine's, or what these packages and all that they depend on have, unpacked in
 * `build/vm/programs-ARCHITECTURE`. @throws NoMachine
 */
export function userlandFor(
  project: string,
  architecture: Architecture,
  packages: readonly string[],
): Userland {
  if (architecture === OWN) return HERE;
  const { debian } = architecture;
  const root = join(project, "build/vm", `programs-${debian}`);
  try {
    if (!existsSync(root)) unpackPackages(otherSuite(releaseName(), `${root}.apt`, debian), packages, root);
  } catch (error) {
    throw new NoMachine(`needs packages for ${debian}: ${String(error)}`);
  }
  return { architecture, root, busybox: join(project, built(architecture, "build/busybox"), "bin/busybox") };
}

/** Debian's alternatives are links that nothing makes where packages are but unpacked. */
const ALTERNATIVES = [
  (name: string) => name,
  (name: string) => name.replace(/^(ip6?tables)-/, "$1-nft-"),
] as const;

/** Where a program is. @throws MissingPackage */
export function which(userland: Userland, [name, owner]: Owned): string {
  const path = find(userland, name);
  if (path === null) throw new MissingPackage(`the guest needs ${name}, which is not on this machine`, owner);
  return path;
}

/** Where a program is; null when nowhere. */
export function find({ root }: Userland, name: string): string | null {
  const directories = ["bin", "usr/bin", "sbin", "usr/sbin"].map((directory) => join(root, directory));
  const PATH = [...(root === "/" ? [process.env["PATH"]] : []), ...directories].join(":");
  const found = ALTERNATIVES.map((alternative) => Bun.which(alternative(name), { PATH }));
  return found.find((path) => path !== null) ?? null;
}

/** The loader and the libraries that programs are linked with, as files of the guest; none for a static one. */
export function librariesOf(userland: Userland, programs: readonly string[]): Entry[] {
  const paths = new Set(programs.flatMap((path) => listed(userland, path)));
  return [...paths].map((path) => program(inUsr(path), readFileSync(join(userland.root, path))));
}

/** A library that nothing is linked with, in its directory. @throws MissingPackage */
export function library(userland: Userland, [name, owner]: Owned): Entry {
  const path = `usr/lib/${userland.architecture.triplet}/${name}`;
  return program(path, readFileSync(existing(userland, [`/${path}`, owner])));
}

/** Where a file is that every machine has at one place. @throws MissingPackage */
export function existing({ root }: Userland, [path, owner]: Owned): string {
  const found = join(root, path);
  if (!existsSync(found))
    throw new MissingPackage(`the guest needs ${path}, which is not on this machine`, owner);
  return found;
}

/** As ldd(1) lists them, which fails for a static program, or the loader itself. */
function listed({ architecture, root }: Userland, path: string): string[] {
  const loader = [architecture.userEmulator, "-L", root, join(root, architecture.loader), "--list"];
  const lister = root === "/" ? ["ldd"] : loader;
  const script = '"$@" 2>/dev/null || "$@" 2>&1 | grep -q "not a dynamic executable"';
  const list = command("sh", "-c", script, "sh", ...lister, path);
  const found = [...list.matchAll(/(?:=> |^\s*)(\/\S+)/gm)].map(([, file = ""]) => file);
  return found.map((file) => (root !== "/" && file.startsWith(root) ? file.slice(root.length) : file));
}

/** Where Debian has a library since /lib is a link: `usr/lib/…` for `/lib/…`. */
function inUsr(path: string): string {
  return path.replace(/^\/(usr\/)?/, "usr/");
}
