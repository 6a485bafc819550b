/** libseccomp.so.2 through bun:ffi, loaded only when a filter has to be compiled: that costs up to 1 ms. */
import { dlopen, type FFIFunction, FFIType } from "bun:ffi";
import { close, memfdCreate, pread } from "../../kernel/calls.ts";
import { AT_EMPTY_PATH, MFD_CLOEXEC } from "../../kernel/constants.ts";
import { addressOf, memoryAt } from "../../kernel/ffi.ts";
import { status, statusIfThere } from "../../kernel/files.ts";
import { here } from "../../kernel/here.ts";
import { ARCHITECTURE } from "../../kernel/syscall-numbers.ts";
import { fail } from "../../kernel/user-error.ts";

const SONAME = "libseccomp.so.2";

/**
 * Where distributions keep it. It is always loaded by its full path: given only its name, bun:ffi would also look in
 * the current directory, which may be a bundle.
 */
const DIRECTORIES = [
  `/usr/lib/${ARCHITECTURE === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`,
  "/usr/lib64",
  "/usr/lib",
  "/usr/local/lib",
] as const;

/** enum scmp_filter_attr: how the instructions are arranged; 2 is a binary tree of the system call numbers. */
const SCMP_FLTATR_CTL_OPTIMIZE = 8;

/** `struct scmp_arg_cmp`: argument, operator (4 bytes each), two operands (8 each). */
const COMPARISON_SIZE = 24;
const MOST_COMPARISONS = 6;

/** One condition on an argument, in libseccomp's numbers. */
export interface Comparison {
  readonly argument: number;
  readonly operator: number;
  readonly operands: readonly [bigint, bigint];
}

/** The library's file, and what distinguishes this version of it. */
interface Library {
  readonly path: string;
  readonly identity: string;
}

/** Finds the library without loading it. @throws UserError */
export function findLibrary(): Library {
  for (const directory of DIRECTORIES) {
    const path = `${directory}/${SONAME}`;
    const file = statusIfThere(path);
    // An update of the package makes a new file beside the old one, and so another inode.
    if (file !== null) return { path, identity: `${path} ${file.device} ${file.inode} ${file.size}` };
  }
  return lack(`is in none of ${DIRECTORIES.join(", ")}`);
}

const { i64_fast: word, i32, u32 } = FFIType;

const FUNCTIONS = {
  seccomp_init: { args: [u32], returns: word },
  seccomp_release: { args: [word], returns: FFIType.void },
  seccomp_arch_add: { args: [word, u32], returns: i32 },
  seccomp_attr_set: { args: [word, u32, u32], returns: i32 },
  seccomp_syscall_resolve_name_arch: { args: [u32, word], returns: i32 },
  seccomp_rule_add_array: { args: [word, u32, i32, u32, word], returns: i32 },
  seccomp_export_bpf: { args: [word, i32], returns: i32 },
} as const;

/** Which libseccomp this host has, such as `2.5.4`. @throws UserError when it has none */
export function libraryVersion(): string {
  const { seccomp_version: version } = load(findLibrary().path, {
    seccomp_version: { args: [], returns: word },
  });
  const numbers = new Uint32Array(memoryAt(Number(version()), 12).slice().buffer); // struct scmp_version
  return numbers.join(".");
}

function load<F extends Record<string, FFIFunction>>(path: string, functions: F) {
  try {
    return dlopen(path, functions).symbols;
  } catch (error) {
    const [reason = ""] = String(error instanceof Error ? error.message : error).split("\n");
    return lack(`cannot be loaded (${reason})`);
  }
}

function lack(what: string): never {
  return fail("linux.seccomp", `needs ${SONAME}, which ${what}: install the package libseccomp2`);
}

const encoder = new TextEncoder();

/** A filter that libseccomp is building. Its functions return 0 or a negative errno, as libseccomp's do. */
export class LibseccompFilter implements Disposable {
  private readonly functions: ReturnType<typeof load<typeof FUNCTIONS>>;
  private readonly context: number;
  /** Memory for one name or a list of comparisons. */
  private readonly memory = new Uint8Array(512);
  private readonly view = new DataView(this.memory.buffer);
  private readonly address = addressOf(this.memory);

  /** @throws UserError when the library cannot be loaded or does not know the default action */
  constructor(library: string, defaultAction: number) {
    this.functions = load(library, FUNCTIONS);
    this.context = Number(this.functions.seccomp_init(defaultAction));
    if (this.context === 0)
      fail("linux.seccomp.defaultAction", "is not supported by this kernel or its libseccomp");
  }

  addArchitecture(token: number): number {
    return this.functions.seccomp_arch_add(this.context, token);
  }

  /** Arranges the instructions as a binary tree; an error means that the library is too old for it. */
  optimize(): number {
    return this.functions.seccomp_attr_set(this.context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  }

  /**
   * The number of a system call. -1 when libseccomp has never heard of it; another negative number, which
   * `addRule` takes, when only other architectures have it.
   */
  resolve(architecture: number, name: string): number {
    if (name.length * 3 >= this.memory.byteLength) return -1;
    const { written } = encoder.encodeInto(name, this.memory);
    this.memory[written] = 0;
    return this.functions.seccomp_syscall_resolve_name_arch(architecture, this.address);
  }

  /** All comparisons must hold for the action to be taken. */
  addRule(action: number, number: number, comparisons: readonly Comparison[]): number {
    const { context, view, address } = this;
    if (comparisons.length > MOST_COMPARISONS)
      throw new Error("a system call has no more than six arguments to compare");
    for (const [index, { argument, operator, operands }] of comparisons.entries()) {
      const at = index * COMPARISON_SIZE;
      view.setUint32(at, argument, true);
      view.setUint32(at + 4, operator, true);
      view.setBigUint64(at + 8, operands[0], true);
      view.setBigUint64(at + 16, operands[1], true);
    }
    return this.functions.seccomp_rule_add_array(context, action, number, comparisons.length, address);
  }

  /** The filter as an array of `struct sock_filter`; a negative errno when libseccomp cannot make it. */
  export(): Uint8Array | number {
    // seccomp_export_bpf_mem(3) is there since 2.6 only.
    const fd = here(memfdCreate("tsrun-seccomp", MFD_CLOEXEC));
    try {
      const result = this.functions.seccomp_export_bpf(this.context, fd);
      if (result < 0) return result;
      const bytes = new Uint8Array(status("", AT_EMPTY_PATH, fd).size);
      return bytes.subarray(0, here(pread(fd, bytes, 0)));
    } finally {
      here(close(fd));
    }
  }

  [Symbol.dispose](): void {
    this.functions.seccomp_release(this.context);
  }
}
