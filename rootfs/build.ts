/**
 * Builds what tsrun's examples and tests run: `bun rootfs/build.ts [--out build] [--busybox FILE]`.
 *
 *     OUT/rootfs/pause.tar, busybox.tar        the same bytes whenever they are built from the same inputs
 *     OUT/rootfs/pause/, busybox/              the same, unpacked
 *     OUT/bundles/sandbox/, web/, client/, shell/
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { pack, unpack } from "./archive.ts";
import { writeBundles } from "./bundles.ts";
import { busyboxPath, readBusybox } from "./busybox-binary.ts";
import { busyboxTree } from "./busybox-tree.ts";
import { MissingPackage } from "./missing-package.ts";
import { type Architecture, compilePause } from "./pause/compile.ts";
import { pauseTree } from "./pause-tree.ts";
import type { Entry } from "./tree.ts";

const { values } = parseArgs({
  options: {
    out: { type: "string", default: "build" },
    busybox: { type: "string", default: busyboxPath() },
  },
});

try {
  build(values.out, values.busybox);
} catch (error) {
  if (!(error instanceof MissingPackage)) throw error;
  console.error(`rootfs/build.ts: ${error.message}`);
  process.exit(1);
}

/** All for the architecture that busybox is of. */
function build(out: string, busyboxPath: string): void {
  const busybox = readBusybox(busyboxPath);
  const rootfs = join(out, "rootfs");
  mkdirSync(rootfs, { recursive: true });
  const archives = {
    pause: archive(rootfs, "pause", pauseTree(compiledPause(rootfs, busybox.architecture))),
    busybox: archive(rootfs, "busybox", busyboxTree(busybox)),
  };
  writeBundles(join(out, "bundles"), archives);
}

function compiledPause(directory: string, architecture: Architecture): Uint8Array {
  const program = join(directory, "pause.elf");
  compilePause(architecture, program);
  try {
    return readFileSync(program);
  } finally {
    rmSync(program);
  }
}

/** Writes the tree as an archive and unpacked; returns the archive's path. */
function archive(directory: string, name: string, tree: readonly Entry[]): string {
  const path = join(directory, `${name}.tar`);
  writeFileSync(path, pack(tree));
  unpack(path, join(directory, name));
  return path;
}
