/** From `linux.seccomp` to the instructions that the kernel loads, by libseccomp and to runc's rules. */
import type {
  Seccomp,
  SeccompAction,
  SeccompArg,
  SeccompSyscall,
} from "../../../runtime-spec/config-linux-seccomp.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import {
  BPF_MAXINSNS,
  NATIVE_AUDIT_ARCH,
  packFilter,
  SECCOMP_RET_DATA,
  SOCK_FILTER_SIZE,
} from "../../kernel/seccomp.ts";
import { fail } from "../../kernel/user-error.ts";
import { enosysStub, wantsEnosys } from "./enosys.ts";
import { type Comparison, LibseccompFilter } from "./libseccomp.ts";
import { ACTIONS, ARCHITECTURES, OPERATORS } from "./tables.ts";

/** The number of system calls from which a binary tree pays; runc's choice. */
const CALLS_FOR_A_TREE = 8;

/** Compiles a profile: an array of `struct sock_filter`. @throws UserError */
export const compile = (seccomp: Seccomp, library: string): Uint8Array =>
  sized(compileParts(seccomp, library));

/** The same in two pieces: what answers for calls newer than the profile, which may be empty, and libseccomp's filter. */
export function compileParts(
  seccomp: Seccomp,
  library: string,
): readonly [stub: Uint8Array, filter: Uint8Array] {
  const { defaultAction, defaultErrnoRet, architectures = [], syscalls = [] } = seccomp;
  using filter = new LibseccompFilter(library, actionValue(defaultAction, defaultErrnoRet));
  // libseccomp has added the native architecture itself.
  for (const [index, architecture] of architectures.entries()) {
    const result = filter.addArchitecture(ARCHITECTURES[architecture]);
    if (result < 0 && result !== -ERRNO.EEXIST)
      refuse(
        `architectures[${index}]`,
        `this machine's libseccomp cannot filter ${architecture} (an architecture of another byte order, or one it does not know)`,
        result,
      );
  }
  if (syscalls.reduce((sum, { names }) => sum + names.length, 0) > CALLS_FOR_A_TREE) filter.optimize();
  for (const [index, syscall] of syscalls.entries()) addRules(filter, seccomp, syscall, `syscalls[${index}]`);
  return [wantsEnosys(seccomp) ? packFilter(stub(filter, seccomp)) : new Uint8Array(), exported(filter)];
}

/** The kernel's value for an action; ERRNO and TRACE return EPERM unless the profile names another errno. */
export function actionValue(action: SeccompAction, errno: number = ERRNO.EPERM): number {
  const takesErrno = action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE";
  return ACTIONS[action] + (takesErrno ? errno & SECCOMP_RET_DATA : 0);
}

function addRules(filter: LibseccompFilter, profile: Seccomp, syscall: SeccompSyscall, where: string): void {
  const { names, action, errnoRet, args = [] } = syscall;
  const value = actionValue(action, errnoRet);
  // libseccomp refuses a rule with the default action.
  if (value === actionValue(profile.defaultAction, profile.defaultErrnoRet)) return;
  const rules = conditions(args);
  for (const name of names) {
    const number = filter.resolve(NATIVE_AUDIT_ARCH, name);
    // Profiles name calls of many kernels and architectures: rules for calls unknown to libseccomp are left out.
    if (number === -1) continue;
    for (const rule of rules) {
      const result = filter.addRule(value, number, rule);
      if (result < 0) refuse(where, `libseccomp cannot make a rule for ${name}`, result);
    }
  }
}

/**
 * The conditions of each rule to add. All of a rule's must hold, but libseccomp takes an argument only once in a
 * rule: when one is compared twice, each comparison becomes a rule of its own, and so one suffices (as for runc).
 */
export function conditions(args: readonly SeccompArg[]): readonly (readonly Comparison[])[] {
  const comparisons = args.map(comparison);
  const distinct = new Set(args.map(({ index }) => index)).size;
  return distinct === args.length ? [comparisons] : comparisons.map((one) => [one]);
}

function comparison({ index, op, value, valueTwo = 0 }: SeccompArg): Comparison {
  return {
    argument: index,
    operator: OPERATORS[op],
    operands: [BigInt(value), BigInt(valueTwo)],
  };
}

/** ENOSYS for calls above the last that the profile names, on each architecture that it covers. */
function stub(filter: LibseccompFilter, { architectures = [], syscalls = [] }: Seccomp) {
  const tokens = new Set([NATIVE_AUDIT_ARCH, ...architectures.map((name) => ARCHITECTURES[name])]);
  const names = new Set(syscalls.flatMap((syscall) => syscall.names));
  const last = new Map<number, number>();
  for (const token of tokens) {
    let highest = 0;
    for (const name of names) highest = Math.max(highest, filter.resolve(token, name));
    if (highest > 0) last.set(token, highest);
  }
  return enosysStub(last);
}

function exported(filter: LibseccompFilter): Uint8Array {
  const bytes = filter.export();
  if (typeof bytes === "number") return refuse("", "libseccomp cannot make a filter of this profile", bytes);
  return bytes;
}

function sized(parts: readonly [Uint8Array, Uint8Array]): Uint8Array {
  const program = new Uint8Array(parts[0].byteLength + parts[1].byteLength);
  program.set(parts[0]);
  program.set(parts[1], parts[0].byteLength);
  const instructions = program.byteLength / SOCK_FILTER_SIZE;
  if (instructions > BPF_MAXINSNS)
    refuse(
      "",
      `makes a filter of ${instructions} instructions, and the kernel takes ${BPF_MAXINSNS} at most: name fewer system calls, arguments or architectures`,
    );
  return program;
}

function refuse(where: string, message: string, result = 0): never {
  const errno = result === 0 ? "" : `: ${errnoWords(-result)}`;
  return fail(where === "" ? "linux.seccomp" : `linux.seccomp.${where}`, `${message}${errno}`);
}
