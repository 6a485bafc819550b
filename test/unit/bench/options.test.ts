import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readOptions } from "../../../bench/options.ts";

const PROJECT = join(import.meta.dir, "../../..");

test("the bench compares with the binaries that it is given, else with those in PATH", () => {
  const { binaries } = readOptions(["--crun", "/bin/sh", "--runc", ""]);
  assert.is(binaries.crun, "/bin/sh");
  assert.is(binaries.runc, Bun.which("runc") ?? "runc");
  assert.is(binaries.tsrun, join(PROJECT, "bin/tsrun"));
});

test("a binary that isn't there is refused, and not left out", () => {
  const command = [join(PROJECT, "bench/bench.ts"), "--crun", "/not/there"];
  const { status, stderr } = spawnSync(process.execPath, command, { encoding: "utf8" });
  assert.is(status, 2);
  assert.is(stderr, "bench: --crun: there is no /not/there\n");
});

test("another tsrun is measured when one is named, and must be there", () => {
  assert.is(readOptions([]).binaries.old, undefined);
  assert.is(readOptions(["--old", ""]).binaries.old, undefined);
  assert.is(readOptions(["--old", "/bin/sh"]).binaries.old, "/bin/sh");
  const command = [join(PROJECT, "bench/bench.ts"), "--old", "/not/there"];
  const { stderr } = spawnSync(process.execPath, command, { encoding: "utf8" });
  assert.is(stderr, "bench: --old: there is no /not/there\n");
});

test("the bench runs before other work only when that is asked for", () => {
  assert.is(readOptions([]).realtime, false);
  assert.is(readOptions(["--realtime"]).realtime, true);
});

test("make hands BENCH_RUNC, BENCH_CRUN and BENCH_OLD on", () => {
  const wanted = ["BENCH_RUNC=/one/runc", "BENCH_CRUN=/one/crun", "BENCH_OLD=/one/tsrun"];
  const { stdout } = spawnSync("make", ["-n", "bench", ...wanted], { cwd: PROJECT, encoding: "utf8" });
  assert.match(stdout, '--runc "/one/runc" --crun "/one/crun" --old "/one/tsrun"');
});

test.run();
