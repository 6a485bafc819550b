// Runs beside other files.
// The log, as containerd and podman read it.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../../harness/bundle.ts";
import { container, ran, ranIn } from "../../harness/container.ts";
import { freshDirectory, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { mounted } from "../../harness/mount.ts";
import { complaint, runtime, silent } from "../../harness/runtime.ts";

interface Entry {
  readonly level: string;
  readonly msg: string;
  readonly time: string;
}

/** The lines of a log file that a failing command wrote. */
function logged(format: string): string[] {
  const log = join(freshDirectory("log"), "log.json");
  const { status } = runtime(["state", uniqueId()], { global: ["--log", log, "--log-format", format] });
  assert.is(status, 1);
  return readFileSync(log, "utf8").trim().split("\n");
}

test("--log-format json writes an error as level, msg and time", () => {
  const entries = logged("json").map((line) => JSON.parse(line) as Entry); // its fields are what is tested
  const last = entries.findLast(({ level }) => level === "error");
  assert.match(last?.msg ?? "", /does not exist/);
  assert.match(last?.time ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
  assert.ok(Math.abs(Date.parse(last?.time ?? "") - Date.now()) < 60_000, last?.time);
});

test("a message with quotes, newlines and other letters is one line of JSON", () => {
  const log = join(freshDirectory("log"), "log.json");
  const args = ['no"such\nprogram ü'];
  const { status } = ran({ args }, { global: ["--log", log, "--log-format", "json"] });
  assert.ok(status !== 0);
  const lines = readFileSync(log, "utf8").trim().split("\n");
  const entries = lines.map((line) => JSON.parse(line) as Entry);
  assert.ok(
    entries.some(({ level, msg }) => level === "error" && msg.includes("such")),
    lines.join("\n"),
  );
});

test("--log-format text writes one line", () => {
  const [line = "", ...more] = logged("text");
  assert.equal(more, []);
  assert.match(line, /does not exist/);
});

test("the log is added to, not overwritten", () => {
  const log = join(freshDirectory("log"), "log.json");
  const call = { global: ["--log", log, "--log-format", "json"] };
  runtime(["state", uniqueId()], call);
  const first = readFileSync(log, "utf8");
  runtime(["state", uniqueId()], call);
  assert.ok(readFileSync(log, "utf8").startsWith(first));
  assert.ok(readFileSync(log, "utf8").length > first.length);
});

test("an error goes to stderr too when there is a log", () => {
  const log = join(freshDirectory("log"), "log.json");
  const outcome = runtime(["state", uniqueId()], { global: ["--log", log] });
  assert.match(complaint(outcome), /does not exist/);
});

test("a success writes nothing to the log", () => {
  const log = join(freshDirectory("log"), "log.json");
  silent(runtime(["list"], { global: ["--log", log, "--log-format", "json"] }));
  assert.is(readFileSync(log, { encoding: "utf8", flag: "a+" }), "");
});

test("--debug tells more, in the log, and the container's output stays its own", () => {
  const log = join(freshDirectory("log"), "log.json");
  const { path } = bundle({ args: ["echo", "out"] });
  const outcome = ranIn(path, { global: ["--debug", "--log", log, "--log-format", "json"] });
  assert.is(outcome.stdout, "out\n");
  assert.is(outcome.stderr, "");
  const entries = readFileSync(log, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Entry);
  assert.ok(entries.some(({ level }) => level === "debug"));
});

testTsrun("--criu is ignored with a warning, on stderr or in the log", () => {
  assert.match(
    runtime(["list"], { global: ["--criu", "/nowhere"] }).stderr,
    /^tsrun: warning: --criu is ignored/,
  );
  const log = join(freshDirectory("log"), "log.json");
  silent(runtime(["list"], { global: ["--criu", "/nowhere", "--log", log, "--log-format", "json"] }));
  const { level, msg } = JSON.parse(readFileSync(log, "utf8")) as Entry;
  assert.is(level, "warning");
  assert.match(msg, /--criu is ignored/);
});

testTsrun("a log that cannot be written is refused before anything is done", () => {
  using one = container({ args: ["true"] });
  const log = join(freshDirectory("log"), "missing", "log.json");
  const failed = runtime(["create", "--bundle", one.bundle.path, one.id], { global: ["--log", log] });
  assert.is(
    complaint(failed),
    `tsrun: error: --log ${log}: cannot be written: ENOENT (no such file or directory)`,
  );
  assert.is(runtime(["state", one.id]).status, 1);
});

testTsrun("a log that there is no room for is named", () => {
  const directory = freshDirectory("full");
  using _ = mounted(directory, "-t", "tmpfs", "-o", "size=16k", "log");
  writeFileSync(join(directory, "others"), Buffer.alloc(16_384));
  const log = join(directory, "log");
  const { stderr } = runtime(["state", uniqueId()], { global: ["--log", log] });
  assert.match(stderr, `\ntsrun: error: --log ${log}: cannot be written: ENOSPC`);
});

testTsrun("what is wrong with the command line is told though the log cannot be written", () => {
  const { stderr, status } = runtime(["state"], { global: ["--log", "/dev/null/log"] });
  assert.is(status, 1);
  assert.match(
    stderr,
    /^tsrun: error: state: ID is missing .*\ntsrun: error: --log \/dev\/null\/log: cannot be written: ENOTDIR/,
  );
});

test("--log-format json without a log is for standard error", () => {
  const id = uniqueId();
  const entry = JSON.parse(complaint(runtime(["state", id], { global: ["--log-format", "json"] }))) as Entry;
  assert.is(entry.level, "error");
  assert.match(entry.msg, "does not exist");
  assert.ok(Number.isFinite(Date.parse(entry.time)));
});

test("an unknown log format is refused", () => {
  assert.ok(runtime(["list"], { global: ["--log-format", "xml"] }).status !== 0);
});

leavesNothing();
test.run();
