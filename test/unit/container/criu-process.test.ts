// A criu(8) that takes its time, and ends without an answer.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";

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
    assert.is(stderr, "");
    assert.equal(JSON.parse(stdout), { response: null, printed: "" });
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test.run();
