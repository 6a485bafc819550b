/**
 * The guest's whole file system: tsrun, the tests, the rootfs that they run, and the few programs that the tests call (see
 * userland.ts). JavaScript needs no program of its own: tsrun, told `BUN_BE_BUN=1`, is the Bun in it.
 */
import { lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { readBusybox } from "../../rootfs/busybox-binary.ts";
import { directory, type Entry, program, textFile } from "../../rootfs/tree.ts";
import { type Architecture, built } from "./architecture.ts";
import { CALLERS_PARTS, type CallersNeeds, CONTAINERD } from "./callers.ts";
import { GUEST_PROGRAMS } from "./results.ts";
import { existing, librariesOf, library, type Owned, type Userland, which } from "./userland.ts";

/** Where the project is in the guest, without the first slash. */
export const GUEST_PROJECT = "tsrun";

/** What the guest has of the project. */
const PARTS = [
  "bin/tsrun",
  "build/agent.json", // for tests of tsrun as a library
  "build/rootfs/busybox",
  "build/rootfs/busybox.tar", // for images
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

/** What tsrun loads when it needs it. */
const LOADED = ["libseccomp.so.2", "libseccomp2"] as const;

/** Of iptables' matches and targets, those that criu uses. */
const XTABLES = ["libxt_mark.so", "libxt_standard.so"].map(
  (name) => [`xtables/${name}`, "iptables"] as const,
);

/** The packages that have what any guest gets. */
export const OWNERS = [
  ...new Set([...PROGRAMS, LOADED, ...XTABLES, ...CONTAINERD].map(([, owner]) => owner)),
];

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
  readonly userland: Userland;
  /** Files of kernel modules, which its init loads in this order. */
  readonly modules: readonly string[];
  /** C programs of the tests, compiled. */
  readonly programs: readonly string[];
  /** What real callers of tsrun need, when there are any. */
  readonly callers: CallersNeeds | null;
}

/** The tree of a guest. @throws MissingPackage */
export function guestTree(
  project: string,
  { userland, modules, programs: compiled, callers }: GuestParts,
): Entry[] {
  const { architecture } = userland;
  const wanted = [...PROGRAMS, ...(callers?.programs ?? [])];
  const programs = wanted.map(([name, owner]) => [name, which(userland, [name, owner])] as const);
  const files = (callers?.files ?? []).map((owned) => [owned[0], existing(userland, owned)] as const);
  const linked = [...files, ...programs].map(([, path]) => path).filter(isExecutable);
  return withParents([
    ...MOUNT_POINTS.map((path) => directory(path)),
    program("init", readFileSync(join(project, "test/vm/guest/init"))),
    ...moduleFiles(modules),
    textFile("etc/passwd", USERS),
    textFile("etc/group", GROUPS),
    textFile("etc/hosts", ["127.0.0.1 localhost"]),
    ...busyboxPrograms(userland).filter(({ path }) => !PROGRAMS.some(([name]) => path === `bin/${name}`)),
    ...programs.map(([name, path]) => program(`bin/${name}`, readFileSync(path))),
    ...LINKS.map(([path, target]) => link(path, target)),
    ...[LOADED, ...XTABLES].map((owned) => library(userland, owned)),
    ...librariesOf(userland, [join(project, built(architecture, "bin/tsrun")), ...linked]),
    ...compiled.map((file) => program(`${GUEST_PROGRAMS}/${basename(file)}`, readFileSync(file))),
    ...files.map(([path, found]) => program(path.slice(1), readFileSync(found))),
    ...projectIn(project, GUEST_PROJECT, architecture, callers === null ? [] : CALLERS_PARTS),
  ]);
}

/**
 * criu and other programs for a guest that is a Debian already: below `path`, what may be missing of them there.
 * @throws MissingPackage
 */
export function addedPrograms(path: string, userland: Userland, others: readonly Owned[]): Entry[] {
  const programs = [...CRIU, ...others].map(
    ([name, owner]) => [name, which(userland, [name, owner])] as const,
  );
  return [
    ...programs.map(([name, found]) => program(`usr/sbin/${name}`, readFileSync(found))),
    ...librariesOf(
      userland,
      programs.map(([, found]) => found),
    ),
    ...XTABLES.map((owned) => library(userland, owned)),
  ].map((entry) => ({ ...entry, path: `${path}/${entry.path}` }));
}

/** What a guest has of the project, below `path`: what all have, and `more`. */
export function projectIn(
  project: string,
  path: string,
  architecture: Architecture,
  more: readonly string[] = [],
): Entry[] {
  return [...PARTS, ...more].flatMap((part) =>
    copied(join(project, built(architecture, part)), `${path}/${part}`),
  );
}

function isExecutable(path: string): boolean {
  return (statSync(path).mode & 0o111) !== 0;
}

/** Busybox, and each of its applets as a link in /bin, whatever directory it would have on a machine. */
function busyboxPrograms({ busybox }: Userland): Entry[] {
  const { binary, applets } = readBusybox(busybox);
  const names = applets.map((path) => path.slice(path.lastIndexOf("/") + 1));
  const links = names.filter((name) => name !== "busybox").map((name) => link(`bin/${name}`, "busybox"));
  return [program("bin/busybox", binary), ...links];
}

/** What a machine with a Debian on a disk begins with: an `init` that makes use of it. */
export function bootTree(userland: Userland, modules: readonly string[], init: Uint8Array): Entry[] {
  return [
    ...["proc", "sys", "dev", "root"].map((path) => directory(path)),
    program("init", init),
    ...moduleFiles(modules),
    ...busyboxPrograms(userland),
  ];
}

function moduleFiles(modules: readonly string[]): Entry[] {
  return modules.map((file, index) =>
    program(`modules/${String(index).padStart(3, "0")}.ko`, readFileSync(file)),
  );
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
