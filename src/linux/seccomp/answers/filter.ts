/** A profile's filter as it would be loaded, to be asked about calls. */

import type { Seccomp, SeccompArch } from "../../../../runtime-spec/config-linux-seccomp.ts";
import { NUMBERS_BESIDE } from "../../../kernel/register-arguments.ts";
import {
  AUDIT_ARCH_AARCH64,
  AUDIT_ARCH_ARM,
  AUDIT_ARCH_I386,
  AUDIT_ARCH_X86_64,
  SECCOMP_RET_ALLOW,
  X32_SYSCALL_BIT,
} from "../../../kernel/seccomp.ts";
import { ARCHITECTURE } from "../../../kernel/syscall-numbers.ts";
import { UserError } from "../../../kernel/user-error.ts";
import { compileParts } from "../compile.ts";
import { findLibrary, LibseccompFilter } from "../libseccomp.ts";
import { SCMP_ARCH_X32 } from "../tables.ts";
import { Diagrams, type Node } from "./diagram.ts";
import { ARGUMENT_BITS, argumentStart, outcomes } from "./outcomes.ts";
import { type Profile, placeIn } from "./profile.ts";

/** One of the ways in which a process of this machine can make system calls. */
export interface Machine {
  readonly name: string;
  readonly scmp: SeccompArch;
  /** libseccomp's. */
  readonly token: number;
  /** AUDIT_ARCH_… */
  readonly arch: number;
  readonly isNative: boolean;
  /** Bits of its registers. */
  readonly width: 32 | 64;
  /** Bits of what programs put there, and of what libseccomp compares. */
  readonly word: 32 | 64;
}

/** The machine's own first. */
type Machines = readonly [Machine, ...Machine[]];

const X86: Machines = [
  {
    name: "x86-64",
    scmp: "SCMP_ARCH_X86_64",
    token: AUDIT_ARCH_X86_64,
    arch: AUDIT_ARCH_X86_64,
    isNative: true,
    width: 64,
    word: 64,
  },
  {
    name: "x86",
    scmp: "SCMP_ARCH_X86",
    token: AUDIT_ARCH_I386,
    arch: AUDIT_ARCH_I386,
    isNative: false,
    width: 32,
    word: 32,
  },
  {
    name: "x32",
    scmp: "SCMP_ARCH_X32",
    token: SCMP_ARCH_X32,
    arch: AUDIT_ARCH_X86_64,
    isNative: false,
    width: 64,
    word: 32,
  },
];

const ARM: Machines = [
  {
    name: "arm64",
    scmp: "SCMP_ARCH_AARCH64",
    token: AUDIT_ARCH_AARCH64,
    arch: AUDIT_ARCH_AARCH64,
    isNative: true,
    width: 64,
    word: 64,
  },
  {
    name: "arm",
    scmp: "SCMP_ARCH_ARM",
    token: AUDIT_ARCH_ARM,
    arch: AUDIT_ARCH_ARM,
    isNative: false,
    width: 32,
    word: 32,
  },
];

/** This machine's; the first is its own. A kernel may lack the others, and then nobody makes such calls. */
export const MACHINES = ARCHITECTURE === "arm64" ? ARM : X86;

export class Filter implements Disposable {
  readonly profile: Profile;
  readonly diagrams: Diagrams;
  private readonly stub: Uint8Array;
  private readonly filter: Uint8Array;
  private readonly names: LibseccompFilter;

  /** Functions of filters that share `diagrams` can be compared. @throws UserError */
  constructor(profile: Profile, diagrams = new Diagrams()) {
    const { path } = findLibrary();
    this.profile = profile;
    this.diagrams = diagrams;
    const none = new Uint8Array();
    [this.stub, this.filter] =
      profile.seccomp === null ? [none, none] : compiled(profile, profile.seccomp, path);
    this.names = new LibseccompFilter(path, SECCOMP_RET_ALLOW);
  }

  /** All instructions, as the kernel gets them. */
  get program(): Uint8Array {
    return new Uint8Array(Buffer.concat([this.stub, this.filter]));
  }

  /** Whether the library knows a call, of whichever architecture. */
  knows(name: string): boolean {
    return this.names.resolve(MACHINES[0].token, name) !== -1;
  }

  /** The number of a call as a filter sees it, with the bit that marks those of x32; null where there is none. */
  numberOf({ token }: Machine, name: string): number | null {
    const number = this.names.resolve(token, name);
    if (number >= 0) return number;
    return token === AUDIT_ARCH_I386 ? (NUMBERS_BESIDE[name] ?? null) : null;
  }

  /** The names that the profile has for a number. */
  namesOf(machine: Machine, number: number): readonly string[] {
    const names = new Set((this.profile.seccomp?.syscalls ?? []).flatMap((entry) => entry.names));
    return [...names].filter((name) => this.numberOf(machine, name) === number);
  }

  /** What the filter returns, as a function of the arguments, and of the number if none is given. */
  outcome(machine: Machine, number?: number): Node {
    return this.outcomeOf(
      Buffer.concat([this.stub, this.filter]),
      machine,
      number,
      this.profile.seccomp === null ? SECCOMP_RET_ALLOW : 0,
    );
  }

  /** Whether a call is answered before the profile is asked, as it is newer than all that the profile names. */
  isTooNew(machine: Machine, number: number): boolean {
    const { diagrams } = this;
    return diagrams.value(this.outcomeOf(this.stub, machine, number, PASSED)) !== PASSED;
  }

  private outcomeOf(
    program: Uint8Array,
    { arch, width }: Machine,
    number: number | undefined,
    otherwise: number,
  ) {
    const calls = { arch, isNarrow: width === 32, ...(number === undefined ? {} : { number }) };
    const node = outcomes(this.diagrams, program, calls, otherwise);
    if (node === null)
      throw new UserError(
        "linux.seccomp",
        "this machine's libseccomp writes instructions that tsrun does not know",
      );
    return node;
  }

  [Symbol.dispose](): void {
    this.names[Symbol.dispose]();
  }
}

/** @throws UserError with the place in the profile's file */
function compiled(profile: Profile, seccomp: Seccomp, library: string) {
  try {
    return compileParts(seccomp, library);
  } catch (error) {
    if (!(error instanceof UserError) || error.property === null) throw error;
    throw new UserError(placeIn(profile, error.property), error.problem);
  }
}

/** No filter returns it. */
const PASSED = -1;

/** The number without what marks x32. */
export const plainNumber = (number: number) => (number & ~X32_SYSCALL_BIT) >>> 0;

/** How wide the words are that a function of arguments looks at: those of programs, if it looks at no other bits. */
export function widthOf(diagrams: Diagrams, { word, width }: Machine, node: Node): 32 | 64 {
  const cleared = diagrams.given(node, (variable) => {
    const bit = variable - argumentStart(0);
    return bit >= 0 && bit % ARGUMENT_BITS < ARGUMENT_BITS - word ? false : null;
  });
  return cleared === node ? word : width;
}
