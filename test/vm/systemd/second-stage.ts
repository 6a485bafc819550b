/** What debootstrap leaves to a machine of the architecture that it makes a Debian for: its second stage. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { textFile } from "../../../rootfs/tree.ts";
import { command } from "../../harness/mount.ts";
import type { Architecture } from "../architecture.ts";
import { writeCpio } from "../cpio.ts";
import { bootTree, OWNERS, withParents } from "../initramfs.ts";
import { cachedKernel, loadOrder, NoMachine } from "../kernel.ts";
import { boot, type Machine } from "../machine.ts";
import { userlandFor } from "../userland.ts";

const SECONDS = 1800;
const MODULES = ["virtio_pci", "virtio_console", "virtio_blk"] as const;

/** Of dpkg's configuration, while the packages are unpacked. */
const HASTE = "etc/dpkg/dpkg.cfg.d/haste";
const EXCLUDED = ["doc", "man", "locale"].map((name) => `path-exclude=/usr/share/${name}/*\n`);

/** Decompresses the packages, which emulation takes long for, and spares what nobody reads there. */
export function easeBootstrap(tree: string): void {
  const archives = join(tree, "var/cache/apt/archives");
  const unpacked = join(archives, "unpacked");
  for (const name of readdirSync(archives).filter((file) => file.endsWith(".deb"))) {
    command("dpkg-deb", "--raw-extract", join(archives, name), unpacked);
    command("dpkg-deb", "-Znone", "--build", unpacked, join(archives, name));
    rmSync(unpacked, { recursive: true });
  }
  mkdirSync(join(tree, HASTE, ".."), { recursive: true });
  writeFileSync(join(tree, HASTE), `force-unsafe-io\n${EXCLUDED.join("")}`);
}

/** Boots a guest that does it on the disk, and removes what is superfluous then. @throws MissingPackage, NoMachine */
export async function endBootstrap(
  project: string,
  architecture: Architecture,
  directory: string,
  disk: string,
  superfluous: readonly string[],
): Promise<void> {
  const kernel = cachedKernel(project, "stable", architecture);
  const userland = userlandFor(project, architecture, OWNERS);
  const machine: Machine = {
    ...{ architecture, image: kernel.image, initramfs: join(directory, "guest.cpio") },
    ...{ parameters: [], console: join(directory, "console.log"), results: join(directory, "results") },
    ...{ disks: [disk], keepsDisks: true, seconds: SECONDS },
  };
  const init = readFileSync(join(import.meta.dir, "guest/second-stage"));
  writeCpio(
    machine.initramfs,
    withParents([
      ...bootTree(userland, loadOrder(kernel, MODULES), init),
      textFile("superfluous", [HASTE, ...superfluous]),
    ]),
  );
  const { how, trouble } = await boot(machine);
  const printed = readFileSync(machine.console, "utf8");
  if (how !== "switched off" || !/^the second stage has ended with 0\r?$/m.test(printed))
    throw new NoMachine(`debootstrap's second stage: ${how}: ${trouble}${printed.slice(-2000)}`);
}
