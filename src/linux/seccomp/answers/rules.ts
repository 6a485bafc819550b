/** Which rules of a profile say what its filter does. */
import type { SeccompArg, SeccompSyscall } from "../../../../runtime-spec/config-linux-seccomp.ts";
import { IPC_CALLS, SOCKETCALLS } from "../../../kernel/register-arguments.ts";
import { UNFILTERED_CALLS } from "../../../kernel/seccomp.ts";
import { spellArgument } from "../../../kernel/spell/argument.ts";
import { actionValue, conditions } from "../compile.ts";
import type { Comparison } from "../libseccomp.ts";
import { OPERATORS } from "../tables.ts";
import type { Diagrams, Node } from "./diagram.ts";
import type { Filter, Machine } from "./filter.ts";
import { argumentBits, comparison } from "./outcomes.ts";
import type { Profile } from "./profile.ts";
import { verdictWords } from "./verdict.ts";

/** An entry of `syscalls` that names a call. */
export interface Rule {
  readonly entry: SeccompSyscall;
  /** The call, of those that were asked about, that it names. */
  readonly name: string;
  /** Its place in `syscalls`, as they were compiled. */
  readonly index: number;
  /** What the filter is to return. */
  readonly value: number;
  /** `linux.seccomp.syscalls[12].args[0]`: its conditions, where it has any. */
  readonly place: string;
  /** Where it holds, as a function of the arguments with the values 0 and 1. */
  readonly region: Node;
  /** libseccomp never sees it: it asks for what happens anyway. */
  readonly isDefault: boolean;
}

/** The rules about a call. With socketcall(2) they are also those about what it is asked for. */
export function rulesAbout(filter: Filter, { word }: Machine, ...names: readonly string[]): readonly Rule[] {
  const { diagrams, profile } = filter;
  if (profile.seccomp === null) return [];
  const { syscalls = [], defaultAction, defaultErrnoRet } = profile.seccomp;
  return syscalls.flatMap((entry, index) => {
    const named = names.find((name) => entry.names.includes(name));
    if (named === undefined) return [];
    const { args = [], action, errnoRet } = entry;
    const value = actionValue(action, errnoRet);
    return [
      {
        entry,
        name: named,
        index,
        value,
        place: placeOf(profile, index, args),
        // Of socketcall(2)'s arguments the filter sees what it is asked for, and libseccomp compares nothing else.
        region: named === names[0] ? regionOf(diagrams, args, word) : diagrams.yes,
        isDefault: value === actionValue(defaultAction, defaultErrnoRet),
      },
    ];
  });
}

/** `linux.seccomp.syscalls[12]`, as the file counts. */
export const entryPlace = ({ prefix, indices }: Profile, index: number) =>
  `${prefix}syscalls[${indices[index] ?? index}]`;

function placeOf(profile: Profile, index: number, args: readonly SeccompArg[]): string {
  const place = entryPlace(profile, index);
  if (args.length === 0) return place;
  return args.length === 1 ? `${place}.args[0]` : `${place}.args`;
}

/** Where the conditions of a rule hold, as libseccomp is told. */
function regionOf(diagrams: Diagrams, args: readonly SeccompArg[], width: number): Node {
  return diagrams.or(
    ...conditions(args).map((all) => diagrams.and(...all.map((one) => holds(diagrams, one, width)))),
  );
}

function holds(diagrams: Diagrams, { argument, operator, operands }: Comparison, width: number): Node {
  const bits = argumentBits(argument, width);
  const full = (1n << BigInt(width)) - 1n;
  const [first, second] = operands.map((one) => one & full);
  const compare = (relation: "equal" | "greater" | "at least", mask = full, value = first ?? 0n) =>
    comparison(diagrams, bits, relation, mask, value);
  switch (operator) {
    case OPERATORS.SCMP_CMP_EQ:
      return compare("equal");
    case OPERATORS.SCMP_CMP_NE:
      return diagrams.not(compare("equal"));
    case OPERATORS.SCMP_CMP_GT:
      return compare("greater");
    case OPERATORS.SCMP_CMP_GE:
      return compare("at least");
    case OPERATORS.SCMP_CMP_LE:
      return diagrams.not(compare("greater"));
    case OPERATORS.SCMP_CMP_LT:
      return diagrams.not(compare("at least"));
    default:
      return compare("equal", first, second);
  }
}

const SIGNS = {
  SCMP_CMP_NE: "!=",
  SCMP_CMP_LT: "<",
  SCMP_CMP_LE: "<=",
  SCMP_CMP_EQ: "==",
  SCMP_CMP_GE: ">=",
  SCMP_CMP_GT: ">",
} as const;

/** `arg0 != AF_VSOCK`: the conditions of an entry, as they are about this call. */
export function argsWords(name: string, args: readonly SeccompArg[]): string {
  const isEither = conditions(args).length > 1;
  const words = args.map(({ index, op, value, valueTwo = 0 }) => {
    const spelled = (one: number | bigint) => spellArgument(name, index, BigInt(one));
    return op === "SCMP_CMP_MASKED_EQ"
      ? `arg${index} & ${bracketed(spelled(value))} == ${valueTwo === 0 ? 0 : spelled(valueTwo)}`
      : `arg${index} ${SIGNS[op]} ${spelled(value)}`;
  });
  return words.join(isEither ? " or " : " and ");
}

export const bracketed = (words: string) => (words.includes("|") ? `(${words})` : words);

/** What multiplexes a call on i386, and how it is asked for it. */
export function multiplexer(name: string): { readonly call: string; readonly first: number } | null {
  const [socketcall, ipc] = [SOCKETCALLS[name], IPC_CALLS[name]];
  if (socketcall !== undefined) return { call: "socketcall", first: socketcall };
  return ipc === undefined ? null : { call: "ipc", first: ipc };
}

/** Which properties of the profile decide, and whether the kernel asks. */
export function decidedBy(...question: Parameters<typeof propertiesThat>): string {
  const [, machine, { number }] = question;
  const isAsked = !(machine.isNative && UNFILTERED_CALLS.includes(number));
  return `${propertiesThat(...question)}${isAsked ? "" : "; but newer kernels make this call of uprobes without asking a filter"}`;
}

/** Which properties of the profile decide that a filter returns `value` in a region of a call's arguments. */
function propertiesThat(
  filter: Filter,
  machine: Machine,
  call: { readonly names: readonly string[]; readonly number: number; readonly isOpen: boolean },
  { region, value }: { readonly region: Node; readonly value: number },
): string {
  const { profile, diagrams } = filter;
  if (profile.seccomp === null) return "config.json has no linux.seccomp";
  const { architectures = [] } = profile.seccomp;
  if (!machine.isNative && !architectures.includes(machine.scmp))
    return `${profile.prefix}architectures, which lacks ${machine.scmp}`;
  if (filter.isTooNew(machine, call.number))
    return `newer than all calls that ${profile.prefix}syscalls names: ENOSYS, as runc does`;
  const [name = ""] = call.names;
  const rules = rulesAbout(filter, machine, ...call.names);
  const meets = (rule: Rule) => diagrams.and(rule.region, region) !== diagrams.no;
  const covers = (rule: Rule) => diagrams.and(region, diagrams.not(rule.region)) === diagrams.no;
  const own = rules.filter((rule) => rule.value === value && meets(rule));
  const whole = own.find(covers);
  const deciding = whole === undefined ? own : [whole];
  const losing = rules.find((rule) => rule.value !== value && rule.name === name && covers(rule));
  const lost =
    losing === undefined
      ? ""
      : `; ${losing.place} would have it ${verdictWords(losing.value)}, and is overruled`;
  if (deciding.length > 0)
    return `${deciding.map((rule) => described(rule, !call.isOpen)).join(", ")}${lost}`;
  const others = rules.filter((rule) => !meets(rule)).map((rule) => described(rule, !call.isOpen));
  const unmet = others.length === 0 ? "" : `; not ${others.join(", ")}`;
  return `${profile.prefix}defaultAction${unmet}${lost}`;
}

/** A rule's place, with its conditions or without. */
function described({ place, entry, name }: Rule, withConditions: boolean): string {
  const { args = [] } = entry;
  return args.length === 0 || !withConditions ? place : `${place} (${argsWords(name, args)})`;
}
