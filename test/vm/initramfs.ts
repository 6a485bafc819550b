/**
 * The guest's whole file system: tsrun, the tests, the rootfs that they run, and the few programs of this machine
 * that the tests call. JavaScript needs no program of its own: tsrun, told `BUN_BE_BUN=1`, is the Bun in it.
 */
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { busyboxPath, readBusybox } from "../../rootfs/busybox-binary.ts";
import { MissingPackage } from "../../rootfs/missing-package.ts";
import { directory, type Entry, program, textFile } from "../../rootfs/tree.ts";
import { command } from "../harness/mount.ts";
import { CALLERS_PARTS, type CallersNeeds } from "./callers.ts";
import { GUEST_PROGRAMS } from "./results.ts";

/** Where the project is in the guest, without the first slash. */
export const GUEST_PROJECT = "tsrun";

/** What the guest has of the project. */
const PARTS = [
  "bin/tsrun",
  "build/agent.json", // for tests of tsrun as a library
  "build/rootfs/busybox",
  "build/rootfs/pause",
  ...["test", "src", "runtime-spec"],
  ...["uvu", "dequal", "diff", "kleur", "fast-check", "pure-rand"].map((name) => `node_modules/${name}`),
] as const;

/** criu and its own helpers, which busybox's tar is none of. */
const CRIU = [
  ["criu", "criu"],
  ["ip", "iproute2"],
  ["tar", "tar"],
  ["gzip", "gzip"],
  ["iptables-save", "iptables"],
  ["iptables-restore", "iptables"],
  ["ip6tables-save", "iptables"],
  ["ip6tables-restore", "iptables"],
] as const;

/** What criu asks the kernel about sockets by, and how it holds a network still. */
export const CRIU_MODULES = [
  ...["unix_diag", "tcp_diag", "udp_diag", "af_packet_diag", "netlink_diag"],
  ...["nft_compat", "xt_mark", "nf_conntrack_netlink"],
] as const;

/**
 * This machine's programs that busybox has no equal of, or one with fewer options than the tests give, and the
 * packages that have them.
 */
const PROGRAMS = [
  ...CRIU,
  ["sh", "dash"],
  ["mount", "mount"],
  ["umount", "mount"],
  ["unshare", "util-linux"],
  ["setpriv", "util-linux"],
  ["setarch", "util-linux"],
  ["chrt", "util-linux"],
  ["nsenter", "util-linux"],
  ["prlimit", "util-linux"],
  ["setsid", "util-linux"],
  ["flock", "util-linux"],
  ["ps", "procps"],
  ["timeout", "coreutils"],
  ["cp", "coreutils"],
  ["nice", "coreutils"],
  ["grep", "grep"],
] as const;

const USERS = ["root:x:0:0:root:/root:/bin/sh", "nobody:x:65534:65534:nobody:/nonexistent:/bin/false"];
const GROUPS = ["root:x:0:", "nogroup:x:65534:"];

/** What tsrun loads when it needs it, and the package that has it. */
const LOADED = ["libseccomp.so.2", "libseccomp2"] as const;

/** Where iptables has its matches and targets, of which criu uses a few. */
const XTABLES = "usr/lib/x86_64-linux-gnu/xtables";
const XTABLES_USED = ["libxt_mark.so", "libxt_standard.so"] as const;

/** Every program is in /bin, and every library in /usr/lib or /usr/lib64. */
const LINKS = [
  ["lib", "usr/lib"],
  ["lib64", "usr/lib64"],
  ["sbin", "bin"],
  ["var/run", "../run"],
  ["usr/bin", "../bin"],
  ["usr/sbin", "../bin"],
] as const;

/** Directories that the guest's init mounts file systems on. */
const MOUNT_POINTS = ["proc", "sys", "dev", "run", "tmp", "var/lib", "rebound"] as const;

/** What a guest has that is not the same for all. */
interface GuestParts {
  /** Files of kernel modules, which its init loads in this order. */
  readonly modules: readonly string[];
  /** C programs of the tests, compiled. */
  readonly programs: readonly string[];
  /** What real callers of tsrun need, when there are any. */
  readonly callers: CallersNeeds | null;
}

/** The tree of a guest. @throws MissingPackage */
export function guestTree(project: string, { modules, programs: compiled, callers }: GuestParts): Entry[] {
  const tsrun = join(project, "bin/tsrun");
  const wanted = [...PROGRAMS, ...(callers?.programs ?? [])];
  const programs = wanted.map(([name, owner]) => [name, which(name, owner)] as const);
  const files = (callers?.files ?? []).map(([path, owner]) => existing(path, owner));
  const linked = [tsrun, ...files.filter(isExecutable), ...programs.map(([, path]) => path)].flatMap(
    librariesOf,
  );
  const libraries = new Set([...linked, loadedLibrary()].map(inUsr));
  return withParents([
    ...MOUNT_POINTS.map((path) => directory(path)),
    program("init", readFileSync(join(project, "test/vm/guest/init"))),
    ...modules.map((file, index) =>
      program(`modules/${String(index).padStart(3, "0")}.ko`, readFileSync(file)),
    ),
    textFile("etc/passwd", USERS),
    textFile("etc/group", GROUPS),
    textFile("etc/hosts", ["127.0.0.1 localhost"]),
    ...busyboxPrograms().filter(({ path }) => !PROGRAMS.some(([name]) => path === `bin/${name}`)),
    ...programs.map(([name, path]) => program(`bin/${name}`, readFileSync(path))),
    ...LINKS.map(([path, target]) => link(path, target)),
    ...xtables(),
    ...[...libraries].map((path) => program(path, readFileSync(`/${path}`))),
    ...compiled.map((file) => program(`${GUEST_PROGRAMS}/${basename(file)}`, readFileSync(file))),
    ...files.map((path) => program(path.slice(1), readFileSync(path))),
    ...projectIn(project, GUEST_PROJECT, callers === null ? [] : CALLERS_PARTS),
  ]);
}

function xtables(): Entry[] {
  return XTABLES_USED.map((name) => program(`${XTABLES}/${name}`, readFileSync(`/${XTABLES}/${name}`)));
}

/**
 * criu and other programs for a guest that is a Debian already: below `path`, what may be missing of them there.
 * @throws MissingPackage
 */
export function addedPrograms(path: string, others: CallersNeeds["programs"]): Entry[] {
  const programs = [...CRIU, ...others].map(([name, owner]) => [name, which(name, owner)] as const);
  const libraries = new Set(programs.flatMap(([, found]) => librariesOf(found)).map(inUsr));
  return [
    ...programs.map(([name, found]) => program(`usr/sbin/${name}`, readFileSync(found))),
    ...[...libraries].map((library) => program(library, readFileSync(`/${library}`))),
    ...xtables(),
  ].map((entry) => ({ ...entry, path: `${path}/${entry.path}` }));
}

/** What a guest has of the project, below `path`: what all have, and `more`. */
export function projectIn(project: string, path: string, more: readonly string[] = []): Entry[] {
  return [...PARTS, ...more].flatMap((part) => copied(join(project, part), `${path}/${part}`));
}

/** @throws MissingPackage */
function which(name: string, owner: string): string {
  const path = Bun.which(name);
  if (path === null) throw new MissingPackage(`the guest needs ${name}, which is not on this machine`, owner);
  return path;
}

/** @throws MissingPackage */
function existing(path: string, owner: string): string {
  if (!existsSync(path))
    throw new MissingPackage(`the guest needs ${path}, which is not on this machine`, owner);
  return path;
}

function isExecutable(path: string): boolean {
  return (statSync(path).mode & 0o111) !== 0;
}

/** The loader and the libraries that a program is linked with, as ldd(1) lists them; it fails for a static one. */
function librariesOf(path: string): string[] {
  const list = [
    "-c",
    'ldd "$1" 2>/dev/null || ldd "$1" 2>&1 | grep -q "not a dynamic executable"',
    "sh",
    path,
  ];
  return [...command("sh", ...list).matchAll(/(?:=> |^\s*)(\/\S+)/gm)].map(([, library = ""]) => library);
}

/** @throws MissingPackage */
function loadedLibrary(): string {
  const [name, owner] = LOADED;
  const path = command("ldconfig", "-p").match(new RegExp(`${name} .*=> (\\S+)`))?.[1];
  if (path === undefined)
    throw new MissingPackage(`the guest needs ${name}, which is not on this machine`, owner);
  return path;
}

/** Where Debian has a library since /lib is a link: `usr/lib/…` for `/lib/…`. */
function inUsr(path: string): string {
  return path.replace(/^\/(usr\/)?/, "usr/");
}

/** Busybox, and each of its applets as a link in /bin, whatever directory it would have on a machine. */
export function busyboxPrograms(): Entry[] {
  const { binary, applets } = readBusybox(busyboxPath());
  const names = applets.map((path) => path.slice(path.lastIndexOf("/") + 1));
  const links = names.filter((name) => name !== "busybox").map((name) => link(`bin/${name}`, "busybox"));
  return [program("bin/busybox", binary), ...links];
}

export function link(path: string, target: string): Entry {
  return { type: "symlink", path, target };
}

/** A file or a whole directory of this machine, at `path` in the guest; owners and modes stay. */
function copied(from: string, path: string): Entry[] {
  const found = lstatSync(from);
  if (found.isSymbolicLink()) return [link(path, readlinkSync(from))];
  const common = { path, owner: found.uid, mode: found.mode & 0o7777 };
  if (!found.isDirectory()) return [{ type: "file", ...common, content: readFileSync(from) }];
  const children = readdirSync(from).sort();
  return [
    { type: "directory", ...common },
    ...children.flatMap((name) => copied(join(from, name), `${path}/${name}`)),
  ];
}

/** The entries with a directory in front of each that none of them makes. */
export function withParents(entries: readonly Entry[]): Entry[] {
  const made = new Set(["."]);
  return entries.flatMap((entry) => {
    const missing = parents(entry.path).filter((path) => !made.has(path));
    for (const path of [...missing, entry.path]) made.add(path);
    return [...missing.map((path) => directory(path)), entry];
  });
}

/** `a`, `a/b` for `a/b/c`. */
function parents(path: string): string[] {
  const above = dirname(path);
  return above === "." ? [] : [...parents(above), above];
}
