/** What differs between machines of the two architectures that tsrun is compiled for. */
import { machineArchitecture } from "../../rootfs/pause/compile.ts";

export interface Architecture {
  /** As Debian's packages have it. */
  readonly debian: "amd64" | "arm64";
  /** As Debian's directories of libraries and compilers have it. */
  readonly triplet: string;
  readonly emulator: string;
  /** The package that has the emulator. */
  readonly emulatorOwner: string;
  /** Runs a program of such a machine here; in Debian's package qemu-user. */
  readonly userEmulator: string;
  /** What loads a program's libraries. */
  readonly loader: string;
  /** The emulator's options: a board and a processor. */
  readonly board: readonly string[];
  /** Where the kernel prints. */
  readonly console: string;
}

const ARCHITECTURES = {
  x64: {
    debian: "amd64",
    triplet: "x86_64-linux-gnu",
    emulator: "qemu-system-x86_64",
    emulatorOwner: "qemu-system-x86",
    userEmulator: "qemu-x86_64",
    loader: "lib64/ld-linux-x86-64.so.2",
    // What newer processors have (smap, pku, xsaves …) makes emulation slower by a third. QEMU 7.2 spoils the flags
    // register in cmpxchg16b, which kernels from 6.5 on use when the processor has it.
    board: ["-cpu", "SandyBridge,-cx16"],
    console: "ttyS0",
  },
  arm64: {
    debian: "arm64",
    triplet: "aarch64-linux-gnu",
    emulator: "qemu-system-aarch64",
    emulatorOwner: "qemu-system-arm",
    userEmulator: "qemu-aarch64",
    loader: "lib/ld-linux-aarch64.so.1",
    board: ["-machine", "virt,gic-version=3", "-cpu", "cortex-a72"],
    console: "ttyAMA0",
  },
} as const satisfies Record<"x64" | "arm64", Architecture>;

export const ARM64: Architecture = ARCHITECTURES.arm64;

/** That of this machine. */
export const OWN: Architecture = ARCHITECTURES[machineArchitecture()];

/** Where the Makefile puts what guests of an architecture have of the build, by what it is on a machine of its own. */
export function built(architecture: Architecture, part: string): string {
  if (architecture === OWN) return part;
  const { debian } = architecture;
  if (part === "bin/tsrun") return `bin/tsrun-${debian}`;
  if (part === "build/agent.json") return `build/${debian}/build/agent.json`;
  return part.replace(/^build\/(rootfs|bundles|busybox)\b/, `build/${debian}/$1`);
}
