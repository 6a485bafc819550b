/** Of elf(5), what programs are told apart by. */

/** `\x7fELF`, big-endian. */
export const ELF_MAGIC = 0x7f454c46;
export const PT_INTERP = 3;

/** By e_machine (linux/elf-em.h): the architecture, as images name it. */
export const ELF_MACHINES: { readonly [machine: number]: string } = {
  3: "386",
  8: "mips",
  20: "ppc",
  21: "ppc64",
  22: "s390x",
  40: "arm",
  62: "amd64",
  183: "arm64",
  243: "riscv64",
  258: "loong64",
};
