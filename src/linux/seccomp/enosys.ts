/**
 * ENOSYS for system calls that a profile's author could not know.
 *
 * An allow list denies what it does not name, mostly with EPERM. For a call that is newer than the profile this is
 * the wrong answer: a libc that tries clone3, faccessat2 or the next such call falls back to an older one on ENOSYS
 * only, so an old profile would break new programs. So, as runc has done since 1.0, a call whose number is above
 * all that the profile names for its architecture gets ENOSYS before the profile is asked. It is as little allowed
 * as before. Profiles that let unknown calls through (ALLOW, LOG, TRACE) are left as they are, and so are those
 * whose default is ENOSYS already.
 *
 * Known weakness, also runc's: numbers are not given out in strict order of kernel versions, so an unnamed call
 * below the last named one still gets the profile's default.
 */
import type { Seccomp } from "../../../runtime-spec/config-linux-seccomp.ts";
import { ERRNO } from "../../kernel/errno.ts";
import {
  AUDIT_ARCH_X86_64,
  BPF_JMP_JA,
  BPF_JMP_JEQ_K,
  BPF_JMP_JGT_K,
  BPF_JMP_JSET_K,
  BPF_LD_W_ABS,
  BPF_RET_K,
  type FilterInstruction,
  SECCOMP_DATA,
  SECCOMP_RET_ERRNO,
  X32_SYSCALL_BIT,
} from "../../kernel/seccomp.ts";
import { SCMP_ARCH_X32 } from "./tables.ts";

/** Whether the profile's default is to be preceded by ENOSYS for unknown calls. */
export function wantsEnosys({ defaultAction, defaultErrnoRet }: Seccomp): boolean {
  if (defaultAction === "SCMP_ACT_ALLOW" || defaultAction === "SCMP_ACT_LOG") return false;
  if (defaultAction === "SCMP_ACT_TRACE") return false;
  return defaultAction !== "SCMP_ACT_ERRNO" || defaultErrnoRet !== ERRNO.ENOSYS;
}

/** Where a jump leads: to the next instruction, over the next one, to the filter behind the stub, or to its end. */
type Target = "next" | "over" | "section's end" | "filter" | "enosys";

interface Line {
  readonly code: number;
  readonly k: number;
  readonly whenTrue?: Target;
  readonly whenFalse?: Target;
}

/**
 * The instructions that go before a filter. `last` has the highest system call number that the profile names, by
 * libseccomp's architecture token.
 */
export function enosysStub(last: ReadonlyMap<number, number>): readonly FilterInstruction[] {
  const sections = [...sectionsOf(last)];
  // At most one section for each of libseccomp's architectures, so all jumps fit into their 8 bits.
  const enosys = sections.reduce((sum, section) => sum + section.length, 2);
  const result: FilterInstruction[] = [{ code: BPF_LD_W_ABS, k: SECCOMP_DATA.arch }];
  for (const section of sections) {
    const end = result.length + section.length;
    for (const { code, k, whenTrue = "next", whenFalse = "next" } of section) {
      const after = result.length + 1;
      const distance: { readonly [target in Target]: number } = {
        next: 0,
        over: 1,
        "section's end": end - after,
        filter: enosys + 1 - after,
        enosys: enosys - after,
      };
      result.push({ code, k, whenTrue: distance[whenTrue], whenFalse: distance[whenFalse] });
    }
  }
  result.push({ code: BPF_JMP_JA, k: 1 });
  result.push({ code: BPF_RET_K, k: SECCOMP_RET_ERRNO | ERRNO.ENOSYS });
  return result;
}

function* sectionsOf(last: ReadonlyMap<number, number>): Generator<readonly Line[]> {
  const x64 = last.get(AUDIT_ARCH_X86_64);
  const x32 = last.get(SCMP_ARCH_X32);
  if (x64 !== undefined || x32 !== undefined) yield sectionOf(AUDIT_ARCH_X86_64, x86Limits(x64, x32));
  for (const [arch, limit] of last)
    if (arch !== AUDIT_ARCH_X86_64 && arch !== SCMP_ARCH_X32) yield sectionOf(arch, [above(limit)]);
}

/** Compares a call's number when it is of this architecture. */
function sectionOf(arch: number, limits: readonly Line[]): readonly Line[] {
  return [
    { code: BPF_JMP_JEQ_K, k: arch, whenFalse: "section's end" },
    { code: BPF_LD_W_ABS, k: SECCOMP_DATA.nr },
    ...limits,
  ];
}

const above = (limit: number): Line => ({
  code: BPF_JMP_JGT_K,
  k: limit,
  whenTrue: "enosys",
  whenFalse: "filter",
});

/** x86-64 and x32 share one AUDIT_ARCH; a bit of the number tells them apart. */
function x86Limits(x64: number | undefined, x32: number | undefined): readonly Line[] {
  const isX32 = { code: BPF_JMP_JSET_K, k: X32_SYSCALL_BIT };
  if (x64 === undefined) return [{ ...isX32, whenFalse: "filter" }, above(x32 ?? 0)];
  if (x32 === undefined) return [{ ...isX32, whenTrue: "filter" }, above(x64)];
  return [{ ...isX32, whenFalse: "over" }, above(x32), above(x64)];
}
