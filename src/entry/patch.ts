/**
 * Puts entry.S, entry.c and client.c in front of a compiled tsrun: `patch.ts TSRUN CODE`. They become a segment of their
 * own at the end of the file and of the address space that it takes. Its program header takes the place of one that is
 * about notes alone; that of the dynamic loader is hidden, so that the kernel starts them without it.
 */
import { readFileSync, writeFileSync } from "node:fs";

/** Offsets in the code: what is filled in, and where it starts. */
const [BUN, BUILD_ID, INTERPRETER, START] = [0, 8, 16, 24];
/** The largest that a page can be. */
const PAGE = 65_536;
const [PT_NULL, PT_LOAD, PT_INTERP, PT_NOTE] = [0, 1, 3, 4];
const [PF_X, PF_R] = [1, 4];

const [, , file = "", codeFile = ""] = process.argv;
const elf = readFileSync(file);
const code = readFileSync(codeFile);

const table = Number(elf.readBigUInt64LE(32));
const headers = Array.from({ length: elf.readUInt16LE(56) }, (_, i) => table + i * elf.readUInt16LE(54));
const note = headers.findLast((at) => elf.readUInt32LE(at) === PT_NOTE);
const loader = headers.find((at) => elf.readUInt32LE(at) === PT_INTERP);
if (note === undefined || loader === undefined) throw "patch: this is no tsrun as Bun links it";

const pageUp = (bytes: number) => Math.ceil(bytes / PAGE) * PAGE;
const ends = headers
  .filter((at) => elf.readUInt32LE(at) === PT_LOAD)
  .map((at) => Number(elf.readBigUInt64LE(at + 16) + elf.readBigUInt64LE(at + 40)));
const address = pageUp(Math.max(...ends));
const offset = pageUp(elf.length);

code.writeBigUInt64LE(elf.readBigUInt64LE(24), BUN);
code.writeBigUInt64LE(elf.readBigUInt64LE(loader + 16), INTERPRETER);
code.writeBigUInt64LE(
  new Bun.CryptoHasher("sha256").update(elf).update(code).digest().readBigUInt64LE(0),
  BUILD_ID,
);
elf.writeBigUInt64LE(BigInt(address + START), 24);
elf.writeUInt32LE(PT_NULL, loader);
elf.writeUInt32LE(PT_LOAD, note);
elf.writeUInt32LE(PF_R | PF_X, note + 4);
for (const [index, value] of [offset, address, address, code.length, code.length, PAGE].entries())
  elf.writeBigUInt64LE(BigInt(value), note + 8 + index * 8);
writeFileSync(file, Buffer.concat([elf, Buffer.alloc(offset - elf.length), code]));
