/** Finds Debian's static busybox and asks it for its applets. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { MissingPackage } from "./missing-package.ts";
import { type Architecture, machineArchitecture } from "./pause/compile.ts";

/** A program segment that names a dynamic loader (elf(5)). */
const PT_INTERP = 3;
const ELF_MAGIC = 0x7f454c46;

/** By e_machine (linux/elf-em.h). */
const ARCHITECTURES: { readonly [machine: number]: Architecture } = { 62: "x64", 183: "arm64" };
/** What asks a busybox of another architecture for its applets; all are in Debian's package qemu-user. */
const EMULATORS: Readonly<Record<Architecture, string>> = { x64: "qemu-x86_64", arm64: "qemu-aarch64" };

export interface Busybox {
  readonly binary: Uint8Array;
  readonly architecture: Architecture;
  /** Where each applet lives, relative to the root: `bin/sh`. */
  readonly applets: readonly string[];
}

/** Where make has one: in build, when it has fetched it. */
export function busyboxPath(): string {
  const fetched = join(import.meta.dir, "../build/busybox");
  return existsSync(fetched) ? fetched : "/bin/busybox";
}

/**
 * @throws MissingPackage when `path` is absent, or is the dynamic busybox, which needs a libc beside it, or is another
 * architecture's and has no emulator here.
 */
export function readBusybox(path: string): Busybox {
  const binary = readIfThere(path);
  if (binary === undefined) throw new MissingPackage(`there is no ${path}`, "busybox-static");
  if (!isStatic(binary)) throw new MissingPackage(`${path} is not a static program`, "busybox-static");
  const architecture = architectureOf(binary);
  if (architecture === undefined) throw new Error(`${path} is of an architecture that tsrun does not run on`);
  const [file = path, ...args] = [...through(architecture), path, "--list-full"];
  const { status, stdout, stderr } = spawnSync(file, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${path} --list-full: ${stderr}`);
  return { binary, architecture, applets: stdout.trim().split("\n") };
}

/** @throws MissingPackage */
function through(architecture: Architecture): string[] {
  if (architecture === machineArchitecture()) return [];
  const emulator = EMULATORS[architecture];
  if (Bun.which(emulator) === null) throw new MissingPackage(`there is no ${emulator}`, "qemu-user");
  return [emulator];
}

function architectureOf(elf: Uint8Array): Architecture | undefined {
  const machine = new DataView(elf.buffer, elf.byteOffset, elf.byteLength).getUint16(18, true);
  return ARCHITECTURES[machine];
}

function readIfThere(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** Whether a 64-bit ELF file, such as both of tsrun's architectures have, does without a dynamic loader. */
function isStatic(file: Uint8Array): boolean {
  const elf = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < 64 || elf.getUint32(0) !== ELF_MAGIC) return false;
  const start = Number(elf.getBigUint64(32, true)); // e_phoff
  const size = elf.getUint16(54, true); // e_phentsize
  const count = elf.getUint16(56, true); // e_phnum
  const types = Array.from({ length: count }, (_, index) => elf.getUint32(start + index * size, true));
  return !types.includes(PT_INTERP);
}
