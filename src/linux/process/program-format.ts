/** What a file is that execve(2) has no format for (ENOEXEC). Loaded only after such a failure. */
import { CWD, close, openat } from "../../kernel/calls.ts";
import { O_CLOEXEC, O_DIRECTORY, O_PATH } from "../../kernel/constants.ts";
import { ELF_MACHINES, ELF_MAGIC } from "../../kernel/elf.ts";
import { attempt, here } from "../../kernel/here.ts";
import { MOST_NESTED, readBeginning, scriptInterpreter } from "./interpreter.ts";

/** This machine's architecture, as images name it. */
const OWN = process.arch === "x64" ? "amd64" : process.arch;

/** The first bytes of what other systems execute. */
const FOREIGN: readonly (readonly [magic: readonly number[], system: string])[] = [
  [[0x4d, 0x5a], "Windows"],
  [[0xcf, 0xfa, 0xed, 0xfe], "macOS"],
  [[0xca, 0xfe, 0xba, 0xbe], "macOS, or a class of Java's"],
];

/** Why the kernel can't execute `path` of the process `pid`, or what is to run it; null when that can't be told. */
export function whyNoFormat(pid: number, path: string): string | null {
  const root = attempt(openat(CWD, `/proc/${pid}/root`, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (root < 0) return null;
  try {
    let program = path;
    for (let nested = 0; nested < MOST_NESTED && program.startsWith("/"); nested++) {
      const beginning = readBeginning(root, program);
      if (beginning === null) return null;
      const next = scriptInterpreter(beginning);
      if (next === null) return formatWords(program, beginning);
      program = next.path;
    }
    return null;
  } finally {
    here(close(root));
  }
}

function formatWords(program: string, beginning: Uint8Array): string | null {
  if (beginning.length === 0) return `${program} is empty`;
  const machine = elfMachine(beginning);
  if (machine !== null)
    return machine === OWN
      ? null
      : `${program} is built for ${machine}, and this machine is ${OWN}: take an image for its platform`;
  const foreign = FOREIGN.find(([magic]) => magic.every((byte, at) => beginning[at] === byte));
  if (foreign !== undefined) return `${program} is a program for ${foreign[1]}`;
  const [line = ""] = new TextDecoder("utf-8", { ignoreBOM: true }).decode(beginning).split("\n", 1);
  if (/^\uFEFF#!/.test(line)) return `${program} begins with a byte order mark: #! must be its first bytes`;
  return /^[\t\r\x20-\x7e]*$/.test(line)
    ? `${program} is text without #! and an interpreter in its first line`
    : null;
}

/** The architecture of an ELF program, by its number where it has no name here; null for anything else. */
function elfMachine(beginning: Uint8Array): string | null {
  const view = new DataView(beginning.buffer, beginning.byteOffset, beginning.length);
  if (view.byteLength < 20 || view.getUint32(0) !== ELF_MAGIC) return null;
  const machine = view.getUint16(18, view.getUint8(5) === 1);
  return ELF_MACHINES[machine] ?? `ELF machine ${machine}`;
}
