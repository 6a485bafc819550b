import { existsSync, mkdirSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { MissingPackage } from "../../../rootfs/missing-package.ts";
import { mirror, releaseName } from "../../debian/apt.ts";
import { NoMachine } from "../kernel.ts";

/** What the guest has beside Debian's essential packages. */
const PACKAGES = [
  "systemd",
  "systemd-sysv",
  "dbus",
  "dbus-user-session",
  "libpam-systemd",
  "uidmap",
] as const;

/** What only people need, or apt. */
const SUPERFLUOUS = [
  "usr/share/doc",
  "usr/share/locale",
  "usr/share/man",
  "var/cache/apt/archives",
  "var/lib/apt/lists",
] as const;

const BYTES = 512 * 1024 * 1024;

/**
 * A disk with a small Debian that systemd starts, of this machine's release: in `build/vm/systemd`, or made there, which
 * takes a minute. Complete or not there at all, whenever it is interrupted. @throws MissingPackage, NoMachine
 */
export async function cachedImage(project: string): Promise<string> {
  const cache = join(project, "build/vm/systemd");
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
  await bootstrap(tree);
  for (const path of SUPERFLUOUS) rmSync(join(tree, path), { recursive: true });
  const draft = join(work, "root.img");
  writeFileSync(draft, "");
  truncateSync(draft, BYTES);
  await finished("mke2fs", "-q", "-t", "ext4", "-E", "lazy_itable_init=0", "-d", tree, draft);
  renameSync(draft, image);
  rmSync(work, { recursive: true });
  return image;
}

async function bootstrap(tree: string): Promise<void> {
  const packages = `--include=${PACKAGES.join(",")}`;
  try {
    // Its mounts are nobody else's: beside a second /proc, which they would inherit, tests of covered ones fail.
    const alone = ["unshare", "--mount", "--propagation", "private", "debootstrap", "--variant=minbase"];
    await finished(...alone, packages, releaseName(), tree, mirror());
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
