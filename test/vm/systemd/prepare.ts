import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { directory, type Entry, program, textFile } from "../../../rootfs/tree.ts";
import { CALLERS_PARTS, CONTAINERD } from "../callers.ts";
import { writeCpio } from "../cpio.ts";
import { addedPrograms, busyboxPrograms, CRIU_MODULES, link, projectIn, withParents } from "../initramfs.ts";
import { cachedKernel, type Edition, loadOrder } from "../kernel.ts";
import type { Machine } from "../machine.ts";
import { FILE_LIST } from "../results.ts";
import { cachedImage } from "./image.ts";

const MODULES = ["virtio_pci", "virtio_console", "virtio_blk", "overlay", ...CRIU_MODULES] as const;

/** Where the project is: on a tmpfs, so that the disk stays as it is. */
export const PROJECT = "mnt/tsrun";
export const UNITS = "etc/systemd/system";

/** Units that find no such device in the guest, or keep its two processors from the tests. */
const MASKED = [
  ...["getty.target", "serial-getty@ttyS0.service", "systemd-udevd.service", "systemd-udev-trigger.service"],
  ...["systemd-udevd-kernel.socket", "systemd-udevd-control.socket", "timers.target", "e2scrub_reap.service"],
  ...["systemd-random-seed.service", "systemd-update-utmp.service", "systemd-firstboot.service"],
  ...["systemd-journal-flush.service", "systemd-machine-id-commit.service", "systemd-sysusers.service"],
  ...["dev-hugepages.mount", "sys-kernel-debug.mount", "sys-kernel-tracing.mount", "sys-kernel-config.mount"],
  ...["sys-fs-fuse-connections.mount", "proc-sys-fs-binfmt_misc.automount", "systemd-binfmt.service"],
] as const;

/** Without containerd its test alone is skipped. */
const isInstalled = (programs: typeof CONTAINERD) => programs.every(([name]) => Bun.which(name) !== null);

/** What a machine runs, and what its tests need besides. */
interface Task {
  readonly files: readonly string[];
  readonly seconds: number;
  /** Names its directory in `build/vm`. */
  readonly name?: string;
  readonly edition?: Edition;
  readonly modules?: readonly string[];
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
    edition = "stable",
    modules = [],
    entries = [],
    disks = [],
    network = "none",
  }: Task,
): Promise<Machine> {
  const own = join(project, "build/vm", name);
  mkdirSync(own, { recursive: true });
  const kernel = cachedKernel(project, edition);
  const machine = {
    image: kernel.image,
    initramfs: join(own, "guest.cpio"),
    parameters: [],
    console: join(own, "console.log"),
    results: join(own, "results.jsonl"),
    disks: [await cachedImage(project), ...disks],
    network,
    seconds,
  };
  for (const file of [machine.console, machine.results]) writeFileSync(file, "");
  const read = (file: string) => readFileSync(join(import.meta.dir, "guest", file));
  writeCpio(
    machine.initramfs,
    withParents([
      ...["proc", "sys", "dev", "root"].map((path) => directory(path)),
      program("init", read("init")),
      ...loadOrder(kernel, [...MODULES, ...modules]).map((file, index) =>
        program(`modules/${String(index).padStart(3, "0")}.ko`, readFileSync(file)),
      ),
      ...busyboxPrograms(),
      ...addedPrograms("guest", isInstalled(CONTAINERD) ? CONTAINERD : []),
      ...projectIn(project, `guest/${PROJECT}`, [...CALLERS_PARTS, "systemd"]),
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
