import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Entry, program, textFile } from "../../../rootfs/tree.ts";
import { type Architecture, OWN } from "../architecture.ts";
import { CALLERS_PARTS, CONTAINERD } from "../callers.ts";
import { writeCpio } from "../cpio.ts";
import { addedPrograms, bootTree, CRIU_MODULES, link, OWNERS, projectIn, withParents } from "../initramfs.ts";
import { cachedKernel, type Edition, loadOrder } from "../kernel.ts";
import type { Machine } from "../machine.ts";
import { FILE_LIST } from "../results.ts";
import { find, type Userland, userlandFor } from "../userland.ts";
import { cachedImage } from "./image.ts";

const MODULES = ["virtio_pci", "virtio_console", "virtio_blk", "overlay", ...CRIU_MODULES] as const;

/** Where the project is: on a tmpfs, so that the disk stays as it is. */
export const PROJECT = "mnt/tsrun";
export const UNITS = "etc/systemd/system";

/** Units that find no such device in the guest, or keep its two processors from the tests. */
const MASKED = [
  ...[
    "getty.target",
    "serial-getty@ttyS0.service",
    "serial-getty@ttyAMA0.service",
    "systemd-udevd.service",
    "systemd-udev-trigger.service",
  ],
  ...["systemd-udevd-kernel.socket", "systemd-udevd-control.socket", "timers.target", "e2scrub_reap.service"],
  ...["systemd-random-seed.service", "systemd-update-utmp.service", "systemd-firstboot.service"],
  ...["systemd-journal-flush.service", "systemd-machine-id-commit.service", "systemd-sysusers.service"],
  ...["dev-hugepages.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-kernel-config.mount"],
  ...["sys-fs-fuse-connections.mount", "proc-sys-fs-binfmt_misc.automount", "systemd-binfmt.service"],
] as const;

/** Without containerd its test alone is skipped. */
const isInstalled = (userland: Userland, programs: typeof CONTAINERD) =>
  programs.every(([name]) => find(userland, name) !== null);

/** What a machine runs, and what its tests need besides. */
export interface Task {
  readonly files: readonly string[];
  readonly seconds: number;
  /** Names its directory in `build/vm`. */
  readonly name?: string;
  readonly architecture?: Architecture;
  readonly edition?: Edition;
  readonly modules?: readonly string[];
  /** What else it needs of the project. */
  readonly parts?: readonly string[];
  /** What its init puts beside the Debian: files of the whole machine, below `guest`. */
  readonly entries?: readonly Entry[];
  readonly disks?: readonly string[];
  readonly network?: string;
}

/** Makes, in `build/vm/NAME`, a machine whose systemd runs the files. @throws MissingPackage, NoMachine */
export async function prepareMachine(
  project: string,
  {
    files,
    seconds,
    name = "systemd",
    architecture = OWN,
    edition = "stable",
    modules = [],
    parts = [],
    entries = [],
    disks = [],
    network = "none",
  }: Task,
): Promise<Machine> {
  const own = join(project, "build/vm", name);
  mkdirSync(own, { recursive: true });
  const kernel = cachedKernel(project, edition, architecture);
  const userland = userlandFor(project, architecture, OWNERS);
  const machine = {
    architecture,
    image: kernel.image,
    initramfs: join(own, "guest.cpio"),
    parameters: [],
    console: join(own, "console.log"),
    results: join(own, "results.jsonl"),
    disks: [await cachedImage(project, architecture), ...disks],
    network,
    seconds,
  };
  for (const file of [machine.console, machine.results]) writeFileSync(file, "");
  const read = (file: string) => readFileSync(join(import.meta.dir, "guest", file));
  writeCpio(
    machine.initramfs,
    withParents([
      ...bootTree(userland, loadOrder(kernel, [...MODULES, ...modules]), read("init")),
      ...addedPrograms("guest", userland, isInstalled(userland, CONTAINERD) ? CONTAINERD : []),
      ...projectIn(project, `guest/${PROJECT}`, architecture, [...CALLERS_PARTS, "systemd", ...parts]),
      textFile(`guest/${PROJECT}/${FILE_LIST}`, files),
      textFile("guest/etc/hosts", ["127.0.0.1 localhost"]),
      { ...program(`guest/${UNITS}/tests.service`, read("tests.service")), mode: 0o644 },
      link(`guest/${UNITS}/default.target`, "tests.target"),
      textFile(`guest/${UNITS}/tests.target`, ["[Unit]", "Wants=tests.service", "Requires=basic.target"]),
      ...entries,
      ...MASKED.map((unit) => link(`guest/${UNITS}/${unit}`, "/dev/null")),
    ]),
  );
  return machine;
}
