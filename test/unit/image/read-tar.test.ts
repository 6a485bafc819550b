import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ByteStream } from "../../../src/image/tar/byte-stream.ts";
import { readTar } from "../../../src/image/tar/read-tar.ts";
import { UserError } from "../../../src/kernel/user-error.ts";
import { directory, type Entry, file, hardLink, symlink, tar } from "../../harness/tar.ts";

/** What is read of an archive that comes in pieces of these lengths, again and again. */
async function read(archive: Uint8Array, lengths: readonly number[], takesAll = true): Promise<unknown[]> {
  let [at, turn] = [0, 0];
  const stream = new ByteStream({
    async next() {
      if (at >= archive.length) return null;
      const from = at;
      at = Math.min(archive.length, from + (lengths[turn++ % lengths.length] ?? 1));
      return archive.subarray(from, at);
    },
  });
  const seen: unknown[] = [];
  await readTar(stream, async (entry, content) => {
    const pieces: Uint8Array[] = [];
    for (let piece = takesAll ? await content.next() : null; piece !== null; piece = await content.next())
      pieces.push(piece.slice());
    seen.push([entry, Buffer.concat(pieces).toString("latin1")]);
  });
  return seen;
}

const ENTRIES: readonly Entry[] = [
  directory("d", {
    pax: [
      ["SCHILY.xattr.user.x", "1"],
      ["mtime", "5.000000001"],
    ],
  }),
  file("d/file", "x".repeat(1300)),
  file("d/even", "y".repeat(1024)),
  {
    name: "s",
    content: "ab",
    pax: [
      ["GNU.sparse.major", "0"],
      ["GNU.sparse.minor", "1"],
      ["GNU.sparse.size", "99"],
      ["GNU.sparse.map", "0,1,98,1"],
    ],
  },
  { name: "././@LongLink", type: "L", content: `${"n".repeat(200)}\0`, gnu: true },
  file("short", "z", { gnu: true }),
  symlink("l", "d"),
  hardLink("h", "d/file"),
  { name: "c", type: "3", device: [1, 3], uid: 2 ** 31 },
];
const ARCHIVE = tar(ENTRIES);

test("an archive says the same in pieces of any lengths, and where content is left unread", async () => {
  const whole = await read(ARCHIVE, [ARCHIVE.length]);
  assert.is(whole.length, 8);
  const lengths = fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(lengths, async (some) => assert.equal(await read(ARCHIVE, some), whole)),
    { numRuns: 50 },
  );
  const names = (seen: unknown[]) => seen.map((one) => JSON.stringify(one).slice(0, 40));
  assert.equal(names(await read(ARCHIVE, [700], false)), names(whole));
});

test("an archive that is damaged anywhere is read or refused: never an internal error, never without an end", async () => {
  const at = fc.integer({ min: 0, max: ARCHIVE.length - 1 });
  const changes = fc.array(fc.tuple(at, fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(
      changes,
      fc.boolean(),
      fc.integer({ min: 0, max: ARCHIVE.length }),
      async (some, mends, length) => {
        const archive = Uint8Array.from(ARCHIVE.subarray(0, length));
        for (const [place, byte] of some) if (place < length) archive[place] = byte;
        if (mends) for (const [place] of some) mendHeader(archive, place);
        try {
          await read(archive, [997]);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
        }
      },
    ),
    { numRuns: 3000 },
  );
});

/** Gives the block at a place the checksum that makes it a header. */
function mendHeader(archive: Uint8Array, place: number): void {
  const block = archive.subarray(place - (place % 512), place - (place % 512) + 512);
  if (block.length < 512) return;
  block.set(Buffer.from(" ".repeat(8)), 148);
  const sum = block.reduce((all, byte) => all + byte, 0);
  block.set(Buffer.from(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
}

const one = async (entry: Entry) => (await read(tar([entry]), [512]))[0];
const said = async (entry: Entry) => {
  try {
    await one(entry);
    return "";
  } catch (error) {
    return error instanceof UserError ? error.message : String(error);
  }
};

test("what pax leaves empty is the header's own, and its last record counts", async () => {
  const [entry] = (await one({
    name: "a",
    uid: 7,
    pax: [
      ["uid", "5"],
      ["uid", ""],
      ["path", "b"],
      ["path", "c"],
    ],
  })) as [Record<string, unknown>];
  assert.equal([entry["name"], entry["uid"]], ["c", 7]);
});

test("numbers that are none, or beyond what can be told apart, are refused", async () => {
  assert.match(await said({ name: "a", pax: [["size", "-1"]] }), /size that is no number/);
  assert.match(await said({ name: "a", pax: [["mtime", "soon"]] }), /mtime that is no time/);
  assert.match(await said({ name: "a", patch: [[108, Buffer.from("notoctal")]] }), /uid that is no number/);
  assert.match(
    await said({ name: "a", patch: [[124, Buffer.from("807fffffffffffffffffffff", "hex")]] }),
    /size that is no number/,
  );
  assert.match(await said({ name: "a", size: -5 }), /negative size/);
});

test.run();
