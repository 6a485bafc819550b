// A criu(8) that takes its time, and ends without an answer.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { slowness } from "../../harness/slowness.ts";

/** How long the event loop may stand still, in milliseconds. */
const MOST_MS = 150 * slowness;

test("while criu works the event loop goes on", () => {
  const directory = mkdtempSync(join(tmpdir(), "tsrun-criu-"));
  try {
    const criu = join(directory, "criu");
    writeFileSync(criu, "#!/bin/sh\nsleep 0.5\n");
    chmodSync(criu, 0o755);
    const { stdout, stderr } = spawnSync(process.execPath, [join(import.meta.dir, "criu/ask.ts")], {
      env: { ...process.env, PATH: `${directory}:${process.env["PATH"]}` },
      encoding: "utf8",
    });
    const { answer, gap } = JSON.parse(stdout);
    assert.equal([answer, stderr], [{ response: null, printed: "" }, ""]);
    assert.ok(gap < MOST_MS, `the event loop stood still for ${gap} ms`);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test.run();
