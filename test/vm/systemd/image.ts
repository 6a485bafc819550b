import { existsSync, mkdirSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MissingPackage } from "../../../rootfs/missing-package.ts";
import { mirror, releaseName } from "../../debian/apt.ts";
import { type Architecture, OWN } from "../architecture.ts";
import { NoMachine } from "../kernel.ts";
import { easeBootstrap, endBootstrap } from "./second-stage.ts";

/** What the guest has beside Debian's essential packages. */
const PACKAGES = [
  "systemd",
  "systemd-sysv",
  "dbus",
  "dbus-user-session",
  "libpam-systemd",
  "uidmap",
] as const;
/** What the test of tsrun's own package needs besides, which for this machine's architecture runs outside. */
const OF_PACKAGES = ["man-db"] as const;

/** What only people need, or apt. */
const SUPERFLUOUS = [
  "usr/share/doc",
  "usr/share/locale",
  "usr/share/man",
  "var/cache/apt/archives",
  "var/lib/apt/lists",
] as const;

/** Of which as much is used as there is in it. */
const BYTES = 1024 * 1024 * 1024;

/**
 * A disk with a small Debian that systemd starts, of this machine's release: in `build/vm/systemd`, or made there, which
 * takes a minute; in `build/vm/systemd-ARCHITECTURE` for another one, which takes longer, as a guest does half of it.
 * Complete or not there at all, whenever it is interrupted. @throws MissingPackage, NoMachine
 */
export async function cachedImage(project: string, architecture = OWN): Promise<string> {
  const isOwn = architecture === OWN;
  const cache = join(project, "build/vm", isOwn ? "systemd" : `systemd-${architecture.debian}`);
  const image = join(cache, "root.img");
  if (existsSync(image)) return image;
  for (const [program, owner] of [
    ["debootstrap", "debootstrap"],
    ["mke2fs", "e2fsprogs"],
  ] as const)
    if (Bun.which(program) === null) throw new MissingPackage(`there is no ${program}`, owner);
  const work = join(cache, "making");
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const tree = join(work, "tree");
  await bootstrap(tree, architecture);
  if (isOwn) for (const path of SUPERFLUOUS) rmSync(join(tree, path), { recursive: true });
  else easeBootstrap(tree);
  const draft = join(work, "root.img");
  writeFileSync(draft, "");
  truncateSync(draft, BYTES);
  await finished("mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=0", "-d", tree, draft);
  if (!isOwn) await endBootstrap(project, architecture, work, draft, SUPERFLUOUS);
  renameSync(draft, image);
  rmSync(work, { recursive: true });
  return image;
}

async function bootstrap(tree: string, { debian }: Architecture): Promise<void> {
  const isOwn = debian === OWN.debian;
  const packages = `--include=${[...PACKAGES, ...(isOwn ? [] : OF_PACKAGES)].join(",")}`;
  const first = isOwn ? [] : ["--foreign", `--arch=${debian}`];
  try {
    // Its mounts are nobody else's: beside a second /proc, which they would inherit, tests of covered ones fail.
    const alone = ["unshare", "--mount", "--propagation", "private", "debootstrap", "--variant=minbase"];
    await finished(...alone, ...first, packages, releaseName(), tree, mirror());
  } catch (error) {
    throw new NoMachine(`needs a Debian made by debootstrap: ${String(error)}`);
  }
}

/** Runs a host's command; throws with what it said unless it exits 0. */
async function finished(...command: readonly string[]): Promise<void> {
  const child = Bun.spawn([...command], { stdio: ["ignore", "pipe", "pipe"] });
  const [said, complained, status] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  if (status !== 0) throw new Error(`${command.join(" ")}: ${status}: ${complained || said}`);
}
