import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { textFile } from "../../rootfs/tree.ts";
import { compileProgram } from "../harness/compile-program.ts";
import { coldAlone } from "../harness/served.ts";
import { ARM64, type Architecture, OWN } from "./architecture.ts";
import { callersNeeds } from "./callers.ts";
import { writeCpio } from "./cpio.ts";
import { guestFiles } from "./files.ts";
import { CRIU_MODULES, GUEST_PROJECT, guestTree, OWNERS } from "./initramfs.ts";
import { cachedKernel, type Edition, loadOrder } from "./kernel.ts";
import type { Machine } from "./machine.ts";
import { FILE_LIST, WARM_LIST } from "./results.ts";
import { userlandFor } from "./userland.ts";

/** What the guest's kernel may have as modules, and the machine or the tests need. */
const MODULES = [
  ...["virtio_pci", "virtio_console", "virtio_blk", "overlay", "fuse", "loop", "veth"],
  ...CRIU_MODULES,
] as const;

/** A machine's kernel, and parameters for it. */
interface Kind {
  readonly architecture: Architecture;
  readonly edition: Edition;
  readonly parameters: readonly string[];
}

/** The machines that there are, by name; `bare` is for tests of what a kernel lacks. */
const MACHINES = {
  stable: { architecture: OWN, edition: "stable", parameters: [] },
  backports: { architecture: OWN, edition: "backports", parameters: [] },
  bare: {
    architecture: OWN,
    edition: "stable",
    parameters: ["cgroup_disable=cpu,memory,pids,rdma", "lsm=landlock,yama,bpf"],
  },
  arm64: {
    architecture: ARM64,
    edition: "stable",
    parameters: ["FILE_SECONDS=1800", "TSRUN_TEST_SLOWNESS=12"], // its init's environment
  },
} as const satisfies Record<string, Kind>;

export type MachineName = keyof typeof MACHINES;

/** /dev/vda is for the tests to read, /dev/vdb to swap to; both are empty. */
const DISKS = ["first.img", "second.img"] as const;
const DISK_BYTES = 256 * 1024 * 1024;

/** What a machine is asked to do. */
export interface Task {
  readonly machine: MachineName;
  /** Test files, relative to the project. */
  readonly files: readonly string[];
  /** Time for all of it. */
  readonly seconds: number;
}

/** Makes, in `build/vm/NAME`, all that a machine boots from. @throws MissingPackage, NoMachine */
export function prepareMachine(project: string, { machine: name, files, seconds }: Task): Machine {
  const { architecture, edition, parameters } = MACHINES[name];
  const directory = join(project, "build/vm", name);
  mkdirSync(directory, { recursive: true });
  const kernel = cachedKernel(project, edition, architecture);
  const machine = {
    architecture,
    image: kernel.image,
    initramfs: join(directory, "guest.cpio"),
    parameters,
    console: join(directory, "console.log"),
    results: join(directory, "results.jsonl"),
    disks: DISKS.map((name) => join(directory, name)),
    seconds,
  };
  for (const file of [machine.console, machine.results]) writeFileSync(file, "");
  for (const disk of machine.disks) emptyDisk(disk);
  const callers = callersNeeds(files);
  const parts = {
    userland: userlandFor(project, architecture, OWNERS),
    callers,
    modules: loadOrder(kernel, [...MODULES, ...(callers?.modules ?? [])]),
    programs: compiledPrograms(project, architecture, join(directory, "programs")),
  };
  writeCpio(machine.initramfs, [
    ...guestTree(project, parts),
    textFile(`${GUEST_PROJECT}/${FILE_LIST}`, files),
    textFile(`${GUEST_PROJECT}/${WARM_LIST}`, warmIn(project, name, files)),
  ]);
  return machine;
}

/**
 * Those that run warm: for want of time every second one, and with the newer kernel the others. RUNS=cold is none,
 * RUNS=warm all.
 */
function warmIn(project: string, machine: MachineName, files: readonly string[]): string[] {
  const { RUNS = "" } = process.env;
  const all = guestFiles(project);
  const turn = (file: string) => (all.indexOf(file) + (machine === "backports" ? 1 : 0)) % 2 === 1;
  return files.filter(
    (file) => coldAlone(file) === null && (RUNS === "warm" || (RUNS !== "cold" && turn(file))),
  );
}

/** The C programs of the tests. */
function compiledPrograms(project: string, architecture: Architecture, directory: string): string[] {
  mkdirSync(directory, { recursive: true });
  const compiler = architecture === OWN ? "gcc" : `${architecture.triplet}-gcc`;
  const sources = [...new Bun.Glob("test/{harness,integration,vm}/**/*.c").scanSync(project)].sort();
  return sources.map((source) => {
    const output = join(directory, basename(source, ".c"));
    compileProgram(project, source, output, compiler);
    return output;
  });
}

function emptyDisk(file: string): void {
  rmSync(file, { force: true });
  writeFileSync(file, "");
  truncateSync(file, DISK_BYTES);
}
