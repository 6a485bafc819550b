/** `linux.seccomp` (config-linux.md, "Seccomp"), in libseccomp's words. */

import { Uint32, Uint64 } from "./defs.ts";
import { array, type Infer, integer, object, oneOf, required, string } from "./schema.ts";

export const SeccompAction = oneOf("a seccomp action", [
  "SCMP_ACT_KILL",
  "SCMP_ACT_KILL_PROCESS",
  "SCMP_ACT_KILL_THREAD",
  "SCMP_ACT_TRAP",
  "SCMP_ACT_ERRNO",
  "SCMP_ACT_TRACE",
  "SCMP_ACT_ALLOW",
  "SCMP_ACT_LOG",
  "SCMP_ACT_NOTIFY",
]);
export type SeccompAction = Infer<typeof SeccompAction>;

export const SeccompArch = oneOf("a seccomp architecture", [
  "SCMP_ARCH_X86",
  "SCMP_ARCH_X86_64",
  "SCMP_ARCH_X32",
  "SCMP_ARCH_ARM",
  "SCMP_ARCH_AARCH64",
  "SCMP_ARCH_LOONGARCH64",
  "SCMP_ARCH_M68K",
  "SCMP_ARCH_MIPS",
  "SCMP_ARCH_MIPS64",
  "SCMP_ARCH_MIPS64N32",
  "SCMP_ARCH_MIPSEL",
  "SCMP_ARCH_MIPSEL64",
  "SCMP_ARCH_MIPSEL64N32",
  "SCMP_ARCH_PPC",
  "SCMP_ARCH_PPC64",
  "SCMP_ARCH_PPC64LE",
  "SCMP_ARCH_S390",
  "SCMP_ARCH_S390X",
  "SCMP_ARCH_SH",
  "SCMP_ARCH_SHEB",
  "SCMP_ARCH_PARISC",
  "SCMP_ARCH_PARISC64",
  "SCMP_ARCH_RISCV64",
]);
export type SeccompArch = Infer<typeof SeccompArch>;

export const SeccompFlag = oneOf("a seccomp flag", [
  "SECCOMP_FILTER_FLAG_TSYNC",
  "SECCOMP_FILTER_FLAG_LOG",
  "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
  "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
]);
export type SeccompFlag = Infer<typeof SeccompFlag>;

export const SeccompOperator = oneOf("a seccomp operator", [
  "SCMP_CMP_NE",
  "SCMP_CMP_LT",
  "SCMP_CMP_LE",
  "SCMP_CMP_EQ",
  "SCMP_CMP_GE",
  "SCMP_CMP_GT",
  "SCMP_CMP_MASKED_EQ",
]);
export type SeccompOperator = Infer<typeof SeccompOperator>;

/** For SCMP_CMP_MASKED_EQ `value` is the mask and `valueTwo` what must remain. */
export const SeccompArg = object({
  index: required(integer(0, 5)),
  value: required(Uint64),
  valueTwo: Uint64,
  op: required(SeccompOperator),
});
export type SeccompArg = Infer<typeof SeccompArg>;

export const SeccompSyscall = object({
  names: required(array(string, 1)),
  action: required(SeccompAction),
  errnoRet: Uint32,
  args: array(SeccompArg),
});
export type SeccompSyscall = Infer<typeof SeccompSyscall>;

export const Seccomp = object({
  defaultAction: required(SeccompAction),
  defaultErrnoRet: Uint32,
  architectures: array(SeccompArch),
  flags: array(SeccompFlag),
  listenerPath: string,
  listenerMetadata: string,
  syscalls: array(SeccompSyscall),
});
export type Seccomp = Infer<typeof Seccomp>;
