import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Layers } from "../../../src/image/layers/apply-layer.ts";
import { Losses } from "../../../src/image/layers/losses.ts";
import { RootTree } from "../../../src/image/layers/root-tree.ts";
import { ByteStream } from "../../../src/image/tar/byte-stream.ts";
import { CWD, close, openat } from "../../../src/kernel/calls.ts";
import { O_DIRECTORY, O_PATH } from "../../../src/kernel/constants.ts";
import { here } from "../../../src/kernel/here.ts";
import { directory, type Entry, file, symlink, tar } from "../../harness/tar.ts";

/** Unpacks a layer within these limits. @throws UserError */
async function apply(entries: readonly Entry[], limits: { entries?: number; paths?: number }): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "limits-"));
  const fd = here(openat(CWD, root, O_PATH | O_DIRECTORY));
  using tree = new RootTree(fd);
  const making = { tree, owners: { onlyOwn: true, losses: new Losses() }, takes: () => {} };
  let archive: Uint8Array | null = tar(entries);
  const next = async () => {
    const piece = archive;
    archive = null;
    return piece;
  };
  try {
    await new Layers(making, { entries: 100, devices: 1, paths: 1000, ...limits }).apply(
      new ByteStream({ next }),
    );
  } finally {
    here(close(fd));
    rmSync(root, { recursive: true });
  }
}

async function refuses(words: RegExp, ...args: Parameters<typeof apply>): Promise<void> {
  const error = await apply(...args).then(
    () => new Error("it was unpacked"),
    (reason: Error) => reason,
  );
  assert.match(error.message, words);
}

test("directories that are made on the way count as entries", async () => {
  await apply([file("a/b/c/d"), file("e")], { entries: 5 });
  await refuses(/"e": exceeds the limit of 4 entries/, [file("a/b/c/d"), file("e")], { entries: 4 });
  await refuses(
    /"l\/f": exceeds the limit|"g": exceeds the limit/,
    [symlink("l", "x/y/z"), file("l/f"), file("g")],
    {
      entries: 5,
    },
  );
});

test("paths, which are kept in memory, have a length that is enough for all", async () => {
  const entries = Array.from({ length: 10 }, (_, at) => directory(`${"d".repeat(99)}${at}`));
  await apply(entries, { paths: 1000 });
  await refuses(/: exceeds the limit of 999 bytes for all paths together/, entries, { paths: 999 });
});

test.run();
