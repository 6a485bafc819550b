/** The rights that Landlock knows: their names in landlockconfig's JSON, and since which ABI the kernel has each. */
import * as kernel from "../../kernel/landlock.ts";

interface Right {
  readonly name: string;
  readonly bit: bigint;
  readonly abi: number;
  /** Whether it is about a file itself; the others are about what is in a directory. */
  readonly ofFiles?: boolean;
}

/** The parts of a ruleset. */
export type Part = keyof kernel.RulesetRights;

export const RIGHTS: { readonly [part in Part]: readonly Right[] } = {
  fs: [
    { name: "execute", bit: BigInt(kernel.LANDLOCK_ACCESS_FS_EXECUTE), abi: 1, ofFiles: true },
    { name: "write_file", bit: BigInt(kernel.LANDLOCK_ACCESS_FS_WRITE_FILE), abi: 1, ofFiles: true },
    { name: "read_file", bit: BigInt(kernel.LANDLOCK_ACCESS_FS_READ_FILE), abi: 1, ofFiles: true },
    { name: "read_dir", bit: BigInt(kernel.LANDLOCK_ACCESS_FS_READ_DIR), abi: 1 },
    { name: "remove_dir", bit: BigInt(kernel.LANDLOCK_ACCESS_FS_REMOVE_DIR), abi: 1 },
    { name: "remove_file", bit: BigInt(kernel.LANDLOCK_ACCESS_FS_REMOVE_FILE), abi: 1 },
    { name: "make_char", bit: BigInt(kernel.LANDLOCK_ACCESS_FS_MAKE_CHAR), abi: 1 },
    { name: "make_dir", bit: BigInt(kernel.LANDLOCK_ACCESS_FS_MAKE_DIR), abi: 1 },
    { name: "make_reg", bit: BigInt(kernel.LANDLOCK_ACCESS_FS_MAKE_REG), abi: 1 },
    { name: "make_sock", bit: BigInt(kernel.LANDLOCK_ACCESS_FS_MAKE_SOCK), abi: 1 },
    { name: "make_fifo", bit: BigInt(kernel.LANDLOCK_ACCESS_FS_MAKE_FIFO), abi: 1 },
    { name: "make_block", bit: BigInt(kernel.LANDLOCK_ACCESS_FS_MAKE_BLOCK), abi: 1 },
    { name: "make_sym", bit: BigInt(kernel.LANDLOCK_ACCESS_FS_MAKE_SYM), abi: 1 },
    { name: "refer", bit: BigInt(kernel.LANDLOCK_ACCESS_FS_REFER), abi: 2 },
    { name: "truncate", bit: BigInt(kernel.LANDLOCK_ACCESS_FS_TRUNCATE), abi: 3, ofFiles: true },
    { name: "ioctl_dev", bit: BigInt(kernel.LANDLOCK_ACCESS_FS_IOCTL_DEV), abi: 5, ofFiles: true },
  ],
  net: [
    { name: "bind_tcp", bit: BigInt(kernel.LANDLOCK_ACCESS_NET_BIND_TCP), abi: 4 },
    { name: "connect_tcp", bit: BigInt(kernel.LANDLOCK_ACCESS_NET_CONNECT_TCP), abi: 4 },
  ],
  scoped: [
    { name: "abstract_unix_socket", bit: BigInt(kernel.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET), abi: 6 },
    { name: "signal", bit: BigInt(kernel.LANDLOCK_SCOPE_SIGNAL), abi: 6 },
  ],
};

/** The Linux version that brought each ABI (landlock(7)). */
const VERSIONS: { readonly [abi: number]: string } = {
  1: "5.13",
  2: "5.19",
  3: "6.2",
  4: "6.7",
  5: "6.10",
  6: "6.12",
};

/** `ABI 4 (Linux 6.7)` */
export const abiWords = (abi: number): string => `ABI ${abi} (Linux ${VERSIONS[abi]})`;

/** The last ABI that has brought a right of the table. */
export const NEWEST_ABI = Math.max(
  ...Object.values(RIGHTS)
    .flat()
    .map(({ abi }) => abi),
);

/** All rights of a part that an ABI has. */
export const rightsOf = (part: Part, abi: number): bigint =>
  RIGHTS[part].reduce((mask, right) => (right.abi <= abi ? mask | right.bit : mask), 0n);

/** The rights that may be given to a file that is no directory. */
export const FILE_RIGHTS = RIGHTS.fs.reduce((mask, { bit, ofFiles }) => (ofFiles ? mask | bit : mask), 0n);

/** `truncate`, `ioctl_dev`, `0x10000`: the rights in a mask. */
export function namesOf(part: Part, mask: bigint): readonly string[] {
  const known = RIGHTS[part].filter(({ bit }) => (mask & bit) !== 0n);
  const rest = known.reduce((left, { bit }) => left & ~bit, mask);
  return [...known.map(({ name }) => name), ...(rest === 0n ? [] : [`0x${rest.toString(16)}`])];
}
