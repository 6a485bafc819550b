/** What is missing when execve(2) says ENOENT of a file that is there. Loaded only after such a failure. */
import { CWD, close, openat, read } from "../../kernel/calls.ts";
import { O_CLOEXEC, O_DIRECTORY, O_PATH } from "../../kernel/constants.ts";
import { ELF_MAGIC, PT_INTERP } from "../../kernel/elf.ts";
import { openRegular } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { openInside } from "../inside.ts";

/** How much of a program is looked at: the kernel reads 256 bytes of a script; an ELF's headers come first. */
const BEGINNING = 4096;

/** How many interpreters the kernel follows. */
export const MOST_NESTED = 5;

/**
 * What runs the program `path` of the process `pid`, and is missing there, with how the program asks for it; null when
 * that can't be told. Nothing but regular files is opened: the image may have anything in their place.
 */
export function missingInterpreter(pid: number, path: string): string | null {
  const root = attempt(openat(CWD, `/proc/${pid}/root`, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (root < 0) return null;
  try {
    let program = path;
    for (let nested = 0; nested < MOST_NESTED && program.startsWith("/"); nested++) {
      const next = interpreterOf(root, program);
      if (next === null) return null;
      if (next.path.endsWith("\r"))
        return `the first line of ${program} ends in a carriage return, as Windows writes lines, so ${JSON.stringify(next.path)} is wanted: end its lines in a newline alone`;
      const fd = openInside(root, next.path, O_PATH | O_CLOEXEC);
      if (fd < 0) return `${next.path} is missing, ${next.role} of ${program}`;
      here(close(fd));
      program = next.path;
    }
    return null;
  } finally {
    here(close(root));
  }
}

/** Whether a process finds something at a path. Nobody has looked for a hook's program before execve(2) does. */
export function isThere(pid: number, path: string): boolean {
  const root = attempt(openat(CWD, `/proc/${pid}/root`, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (root < 0) return false;
  const fd = openInside(root, path, O_PATH | O_CLOEXEC);
  here(close(root));
  if (fd >= 0) here(close(fd));
  return fd >= 0;
}

interface Interpreter {
  readonly path: string;
  readonly role: string;
}

/** What runs a program below `root`: a script's interpreter, a loader; null for none, and where that can't be told. */
export function interpreterOf(root: number, program: string): Interpreter | null {
  const beginning = readBeginning(root, program);
  return beginning === null ? null : (scriptInterpreter(beginning) ?? loader(beginning));
}

/** The first bytes of a regular file below `root`; null for anything else, which is not opened. */
export function readBeginning(root: number, path: string): Uint8Array | null {
  const place = openInside(root, path, O_PATH | O_CLOEXEC);
  if (place < 0) return null;
  try {
    const fd = openRegular(place);
    if (fd === null || fd < 0) return null;
    const bytes = new Uint8Array(BEGINNING);
    const count = attempt(read(fd, bytes));
    here(close(fd));
    return count < 0 ? null : bytes.subarray(0, count);
  } finally {
    here(close(place));
  }
}

/** See "Interpreter scripts" in execve(2). */
export function scriptInterpreter(beginning: Uint8Array): Interpreter | null {
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(beginning); // a mark is a part of it, as for the kernel
  const [, path] = /^#![ \t]*([^ \t\n\0]+)/.exec(text) ?? [];
  return path === undefined ? null : { path, role: "the interpreter that is named in the first line" };
}

/** See elf(5). */
function loader(beginning: Uint8Array): Interpreter | null {
  const view = new DataView(beginning.buffer, beginning.byteOffset, beginning.length);
  if (view.byteLength < 64 || view.getUint32(0) !== ELF_MAGIC) return null;
  const is64 = view.getUint8(4) === 2;
  if (!is64 || view.getUint8(5) !== 1) return null;
  const table = Number(view.getBigUint64(32, true));
  const [size, count] = [view.getUint16(54, true), view.getUint16(56, true)];
  for (let at = table; at < table + size * count && at + 56 <= view.byteLength; at += size) {
    if (view.getUint32(at, true) !== PT_INTERP) continue;
    const from = Number(view.getBigUint64(at + 8, true));
    const text = new TextDecoder().decode(
      beginning.subarray(from, from + Number(view.getBigUint64(at + 32, true))),
    );
    const [path = ""] = text.split("\0");
    return path === "" ? null : { path, role: "the dynamic loader" };
  }
  return null;
}
