/** Builds pause.c for one of the architectures that tsrun runs on. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import project from "../../package.json" with { type: "json" };
import { MissingPackage } from "../missing-package.ts";

/** As Bun names them in `process.arch`. */
export type Architecture = "x64" | "arm64";

interface Toolchain {
  readonly compiler: string;
  readonly package: string;
  readonly flags: readonly string[];
}

/** Debian's compilers by the names that they have on a machine of either architecture. */
const TOOLCHAINS: Readonly<Record<Architecture, Toolchain>> = {
  x64: {
    compiler: "x86_64-linux-gnu-gcc",
    package: process.arch === "x64" ? "gcc libc6-dev" : "gcc-x86-64-linux-gnu",
    flags: ["-fcf-protection=none"], // else a note section asks for a segment, and a page, of its own
  },
  arm64: {
    compiler: "aarch64-linux-gnu-gcc",
    package: process.arch === "arm64" ? "gcc libc6-dev" : "gcc-aarch64-linux-gnu",
    flags: [],
  },
};

const FLAGS = [
  ...["-std=c11", "-Os", "-Wall", "-Wextra", "-Werror"],
  ...["-ffreestanding", "-nostdlib", "-static", "-fno-pie", "-no-pie", "-fno-stack-protector"],
  // Nothing but code and constants, the same bytes in every build.
  ...["-s", "-fno-ident", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-Wl,--build-id=none"],
  // One segment for code, constants and the ELF header: one page of memory.
  ...["-Wl,-z,noseparate-code", "-Wl,-z,norelro", "-Wl,-z,noexecstack"],
];

/** The architecture of this machine; throws when it's another than tsrun's two. */
export function machineArchitecture(): Architecture {
  if (process.arch === "x64" || process.arch === "arm64") return process.arch;
  throw new Error(`tsrun runs on x86-64 and arm64, not on ${process.arch}`);
}

/** Whether {@link compilePause} has what it needs for `architecture`. */
export function canCompilePause(architecture: Architecture): boolean {
  return Bun.which(TOOLCHAINS[architecture].compiler) !== null;
}

/**
 * Compiles pause.c to the static program `output`.
 * @throws MissingPackage without the compiler; Error with the compiler's words when it fails.
 */
export function compilePause(architecture: Architecture, output: string): void {
  const { compiler, package: name, flags } = TOOLCHAINS[architecture];
  if (!canCompilePause(architecture)) throw new MissingPackage(`there is no ${compiler}`, name);
  const version = `-DVERSION="${project.version}"`;
  const source = join(import.meta.dir, "pause.c");
  const { status, stderr } = spawnSync(compiler, [...FLAGS, ...flags, version, "-o", output, source]);
  if (status !== 0) throw new Error(`${compiler} ${source}: ${stderr}`);
}
