import { readFileSync } from "node:fs";
import type { Seccomp, SeccompArch, SeccompSyscall } from "../../../../runtime-spec/config-linux-seccomp.ts";
import { SECCOMP_RET_ALLOW } from "../../../../src/kernel/seccomp.ts";
import { compile } from "../../../../src/linux/seccomp/compile.ts";
import { evaluate } from "../../../../src/linux/seccomp/evaluate.ts";
import { findLibrary, LibseccompFilter } from "../../../../src/linux/seccomp/libseccomp.ts";
import { ARCHITECTURES, SCMP_ARCH_X32 } from "../../../../src/linux/seccomp/tables.ts";

export const library = findLibrary().path;

/** The names of seccomp(2) for what a filter returns. */
const RESULTS = new Map([
  [0x8000_0000, "KILL_PROCESS"],
  [0x0000_0000, "KILL_THREAD"],
  [0x0003_0000, "TRAP"],
  [0x0005_0000, "ERRNO"],
  [0x7fc0_0000, "USER_NOTIF"],
  [0x7ff0_0000, "TRACE"],
  [0x7ffc_0000, "LOG"],
  [0x7fff_0000, "ALLOW"],
]);

/** A system call: a name, or the number where no name is known. */
interface Asked {
  readonly args?: readonly (number | bigint)[];
  readonly arch?: SeccompArch;
}

const NATIVE: SeccompArch = process.arch === "arm64" ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64";

/** What a program's filter says of a call, such as `ERRNO 1` or `ALLOW`. */
export function decision(
  program: Uint8Array,
  call: string | number,
  { args = [], arch = NATIVE }: Asked = {},
) {
  const token = ARCHITECTURES[arch];
  const number = typeof call === "number" ? call : numberOf(call, token);
  const result = evaluate(program, { number, args, arch: token === SCMP_ARCH_X32 ? 0xc000_003e : token });
  if (result === null) return "a program that no filter can be";
  const data = result & 0xffff;
  return `${RESULTS.get((result & 0xffff_0000) >>> 0)}${data === 0 ? "" : ` ${data}`}`;
}

function numberOf(name: string, token: number): number {
  using filter = new LibseccompFilter(library, SECCOMP_RET_ALLOW);
  return filter.resolve(token, name);
}

/** Compiles a profile that allows what `syscalls` don't name. */
export function allowing(syscalls: readonly SeccompSyscall[], more: Partial<Seccomp> = {}): Uint8Array {
  return compile({ defaultAction: "SCMP_ACT_ALLOW", syscalls, ...more }, library);
}

/** Compiles a profile that denies, with EPERM, what `names` don't name. */
export function denyingAllBut(names: readonly string[], more: Partial<Seccomp> = {}): Uint8Array {
  const syscalls = [{ names, action: "SCMP_ACT_ALLOW" }] as const;
  return compile({ defaultAction: "SCMP_ACT_ERRNO", syscalls, ...more }, library);
}

/** The profile in a config.json that an engine wrote. */
export function engineProfile(name: string): Seccomp {
  const text = readFileSync(new URL(`../../runtime-spec/configs/${name}.json`, import.meta.url), "utf8");
  return JSON.parse(text).linux.seccomp; // such a config is what the validation is tested with
}
