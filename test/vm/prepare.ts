import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { textFile } from "../../rootfs/tree.ts";
import { writeCpio } from "./cpio.ts";
import { GUEST_PROJECT, guestTree } from "./initramfs.ts";
import { cachedKernel, loadOrder } from "./kernel.ts";
import type { Machine } from "./machine.ts";
import { FILE_LIST } from "./results.ts";

/** What the guest's kernel has as modules, and the machine or the tests need. */
const MODULES = ["virtio_pci", "virtio_console", "virtio_blk", "overlay", "fuse", "loop", "veth"] as const;

/** /dev/vda is for the tests to read, /dev/vdb to swap to; both are empty. */
const DISKS = ["first.img", "second.img"] as const;
const DISK_BYTES = 256 * 1024 * 1024;

/** Makes, in `directory`, all that a machine which runs `files` boots from. @throws MissingPackage */
export function prepareMachine(
  project: string,
  directory: string,
  files: readonly string[],
  seconds: number,
): Machine {
  mkdirSync(directory, { recursive: true });
  const kernel = cachedKernel(directory);
  const machine = {
    image: kernel.image,
    initramfs: join(directory, "guest.cpio"),
    console: join(directory, "console.log"),
    results: join(directory, "results.jsonl"),
    disks: DISKS.map((name) => join(directory, name)),
    seconds,
  };
  for (const file of [machine.console, machine.results]) writeFileSync(file, "");
  for (const disk of machine.disks) emptyDisk(disk);
  writeCpio(machine.initramfs, [
    ...guestTree(project, loadOrder(kernel, MODULES)),
    textFile(`${GUEST_PROJECT}/${FILE_LIST}`, files),
  ]);
  return machine;
}

function emptyDisk(file: string): void {
  rmSync(file, { force: true });
  writeFileSync(file, "");
  truncateSync(file, DISK_BYTES);
}
