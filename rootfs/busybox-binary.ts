/** Finds Debian's static busybox and asks it for its applets. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { MissingPackage } from "./missing-package.ts";

/** A program segment that names a dynamic loader (elf(5)). */
const PT_INTERP = 3;
const ELF_MAGIC = 0x7f454c46;

export interface Busybox {
  readonly binary: Uint8Array;
  /** Where each applet lives, relative to the root: `bin/sh`. */
  readonly applets: readonly string[];
}

/** Where make has one: in build, when it has fetched it. */
export function busyboxPath(): string {
  const fetched = join(import.meta.dir, "../build/busybox");
  return existsSync(fetched) ? fetched : "/bin/busybox";
}

/** @throws MissingPackage when `path` is absent, or is the dynamic busybox, which needs a libc beside it. */
export function readBusybox(path: string): Busybox {
  const binary = readIfThere(path);
  if (binary === undefined) throw new MissingPackage(`there is no ${path}`, "busybox-static");
  if (!isStatic(binary)) throw new MissingPackage(`${path} is not a static program`, "busybox-static");
  const { status, stdout, stderr } = spawnSync(path, ["--list-full"], { encoding: "utf8" });
  if (status !== 0) throw new Error(`${path} --list-full: ${stderr}`);
  return { binary, applets: stdout.trim().split("\n") };
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
