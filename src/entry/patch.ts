/**
 * Puts entry.S in front of a compiled tsrun: `patch.ts TSRUN CODE`. The code goes to where the linker left zeros
 * before the executable segment: the kernel maps whole pages, so they are executable already.
 */
import { readFileSync, writeFileSync } from "node:fs";

/** `_start` in the code: the path of proc with its padding, and a set of signals come first. */
const START = 16;
const PAGE = 4096;
const PT_LOAD = 1;
const [PF_X, PF_R] = [1, 4];
const EM_X86_64 = 62;

const [, , file = "", code = ""] = process.argv;
const elf = readFileSync(file);
const stub = readFileSync(code);

interface Segment {
  readonly flags: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

function segments(): Segment[] {
  const table = Number(elf.readBigUInt64LE(32));
  const entries = Array.from({ length: elf.readUInt16LE(56) }, (_, i) => table + i * elf.readUInt16LE(54));
  return entries
    .filter((at) => elf.readUInt32LE(at) === PT_LOAD)
    .map((at) => ({
      flags: elf.readUInt32LE(at + 4),
      offset: Number(elf.readBigUInt64LE(at + 8)),
      address: Number(elf.readBigUInt64LE(at + 16)),
      size: Number(elf.readBigUInt64LE(at + 32)),
    }));
}

/** Sets the target of the jump at the stub's end, relative to the jump (arm64) or to what follows it (x86-64). */
function aim(address: number, target: number): void {
  const end = address + stub.length;
  if (elf.readUInt16LE(18) === EM_X86_64) stub.writeInt32LE(target - end, stub.length - 4);
  else stub.writeUInt32LE((0x14000000 | (((target - (end - 4)) / 4) & 0x3ffffff)) >>> 0, stub.length - 4);
}

const text = segments().find(({ flags }) => flags === (PF_R | PF_X));
const before = segments().findLast(({ offset, flags }) => flags === PF_R && offset < (text?.offset ?? 0));
if (text === undefined || before === undefined) throw "patch: this is no tsrun as Bun links it";
const room = Math.ceil(stub.length / 16) * 16;
const offset = Math.floor(text.offset / 16) * 16 - room;
const isFree =
  offset >= before.offset + before.size && elf.subarray(offset, offset + room).every((byte) => byte === 0);
if (!isFree || Math.floor(offset / PAGE) !== Math.floor(text.offset / PAGE))
  throw "patch: there is no room before the executable segment";
const address = text.address - (text.offset - offset);
aim(address, Number(elf.readBigUInt64LE(24)));
elf.set(stub, offset);
elf.writeBigUInt64LE(BigInt(address + START), 24);
writeFileSync(file, elf);
