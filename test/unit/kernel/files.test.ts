import { spawn } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pipe2 } from "../../../src/kernel/calls.ts";
import { O_CLOEXEC, O_NONBLOCK } from "../../../src/kernel/constants.ts";
import { readTextIfThere, writeAll } from "../../../src/kernel/files.ts";
import { here } from "../../../src/kernel/here.ts";
import { listDirectory } from "../../../src/kernel/list-directory.ts";

const directory = mkdtempSync(join(tmpdir(), "files-"));
test.after(() => rmSync(directory, { recursive: true }));

test("a directory's entries say which are directories", () => {
  const path = join(directory, "full");
  mkdirSync(join(path, "sub"), { recursive: true });
  writeFileSync(join(path, "file"), "");
  const entries = listDirectory(path) ?? [];
  assert.equal(
    entries.toSorted((a, b) => a.name.localeCompare(b.name)),
    [
      { name: "file", isDirectory: false },
      { name: "sub", isDirectory: true },
    ],
  );
});

test("a directory that isn't there has no entries, nor has one that was removed while it was open", () => {
  const path = join(directory, "gone");
  assert.is(listDirectory(path), null);
  mkdirSync(path);
  const fd = openSync(path, "r");
  try {
    rmSync(path, { recursive: true });
    assert.is(listDirectory(".", fd), null);
  } finally {
    closeSync(fd);
  }
});

test("all is written to a pipe that is non-blocking and read slowly", async () => {
  const ends = new Int32Array(2);
  here(pipe2(new Uint8Array(ends.buffer), O_CLOEXEC | O_NONBLOCK));
  const [readEnd = -1, writeEnd = -1] = ends;
  const count = spawn("sh", ["-c", "sleep 0.1; wc -c"], { stdio: [readEnd, "pipe", "inherit"] });
  closeSync(readEnd);
  writeAll(writeEnd, new Uint8Array(1_000_000));
  closeSync(writeEnd);
  assert.is((await text(count.stdout as Readable)).trim(), "1000000");
});

test("a file of a process is there until the process ends, at whatever moment that is", async () => {
  const script = "for i in $(seq 1500); do true | true & echo $!; wait $!; done";
  const processes = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "ignore"] });
  let ended = 0;
  for await (const pid of createInterface({ input: processes.stdout })) {
    const deadline = performance.now() + 10_000;
    while (readTextIfThere(`/proc/${pid}/stat`) !== null)
      assert.ok(performance.now() < deadline, `${pid} stays`);
    ended++;
  }
  assert.is(ended, 1500);
});

test.run();
