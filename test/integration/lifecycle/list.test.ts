// Runs beside other files.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../../harness/bundle.ts";
import { type Container, containerOf, created, started } from "../../harness/container.ts";
import { freshDirectory, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { type Call, complaint, refusal, runtime, silent, succeeded } from "../../harness/runtime.ts";

const SLEEP = ["sleep", "60"];

function list(flags: readonly string[] = [], call: Call = {}): string {
  return silent(runtime(["list", ...flags], call)).stdout;
}

/** A created, a running and a stopped container. */
async function oneOfEach() {
  const [waiting, going, ended] = [created({ args: SLEEP }), started({ args: SLEEP }), started()] as const;
  await ended.until("stopped");
  return {
    waiting,
    going,
    ended,
    [Symbol.dispose]: () => [waiting, going, ended].forEach((one: Container) => void one[Symbol.dispose]()),
  };
}

test("list is a table of id, pid, status, bundle, creation and owner", async () => {
  using boxes = await oneOfEach();
  const [head = "", ...rows] = list().trim().split("\n");
  assert.equal(
    head.split(/ {2,}|\t+/).map((cell) => cell.trim()),
    ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"],
  );
  for (const [box, status] of [
    [boxes.waiting, "created"],
    [boxes.going, "running"],
    [boxes.ended, "stopped"],
  ] as const) {
    const row = rows.find((line) => line.startsWith(`${box.id} `));
    assert.equal(row?.split(/\s+/).slice(0, 4), [box.id, String(box.state().pid), status, box.bundle.path]);
  }
  assert.is(rows.length, 3);
});

test("the table's columns stand one below the other", async () => {
  using _ = await oneOfEach();
  const lines = list().trimEnd().split("\n");
  const column = lines[0]?.indexOf("STATUS") ?? -1;
  for (const line of lines.slice(1)) assert.match(line.slice(column), /^(created|running|stopped) /);
});

test("list --format json is the states in a list", async () => {
  using boxes = await oneOfEach();
  const listed = JSON.parse(list(["--format", "json"]));
  assert.is(listed.length, 3);
  for (const box of [boxes.waiting, boxes.going, boxes.ended]) {
    const { id, pid, status, bundle, created } = box.state();
    const found = listed.find((one: { id: string }) => one.id === id);
    assert.is(found.pid, pid);
    assert.is(found.status, status);
    assert.is(found.bundle, bundle);
    assert.is(found.created, created);
  }
});

test("list -q is the ids, one a line", async () => {
  using boxes = await oneOfEach();
  const ids = [boxes.waiting.id, boxes.going.id, boxes.ended.id];
  assert.equal(list(["-q"]).trim().split("\n").sort(), ids.sort());
  assert.is(list(["--quiet"]), list(["-q"]));
});

test("without containers the table is its head, the json no container, -q nothing", () => {
  const root = freshDirectory("empty");
  assert.match(list([], { root }), /^ID .*\n$/);
  const json = JSON.parse(list(["--format", "json"], { root })) ?? []; // runc says null
  assert.equal(json, []);
  assert.is(list(["-q"], { root }), "");
});

testTsrun("a state directory that isn't there has no containers, unless it was named", () => {
  const runtimeDirectory = `${freshDirectory("empty")}/not/there`;
  const env = { XDG_RUNTIME_DIR: runtimeDirectory };
  assert.is(list(["-q"], { root: null, env, global: ["--rootless", "true"] }), "");
  const said = complaint(runtime(["list"], { root: runtimeDirectory }));
  assert.match(said, /--root .*\/not\/there: does not exist: ENOENT/);
});

test("an unknown format is refused", () => {
  refusal(runtime(["list", "--format", "xml"]));
});

test("containers of another --root are not listed, and ids there are free", () => {
  using here = started({ args: SLEEP });
  const root = freshDirectory("other");
  const there = containerOf(bundle({ args: SLEEP, linux: { cgroupsPath: `/${uniqueId()}` } }), here.id);
  silent(runtime(["create", "--bundle", there.bundle.path, there.id], { root }));
  try {
    assert.is(list(["-q"], { root }), `${here.id}\n`);
    silent(runtime(["delete", "--force", there.id], { root }));
    assert.is(here.state().status, "running");
  } finally {
    silent(runtime(["delete", "--force", there.id], { root }));
  }
});

testTsrun("a damaged state keeps nobody else from being listed, is told, and can be removed", () => {
  const root = freshDirectory("damaged");
  using sound = containerOf(bundle({ args: SLEEP, linux: { cgroupsPath: `/${uniqueId()}` } }), uniqueId());
  silent(runtime(["create", "--bundle", sound.bundle.path, sound.id], { root }));
  try {
    for (const [id, text] of Object.entries({
      empty: "",
      other: "{}",
      older: `{"id":"older"}`,
      cut: '{"ociVersion":"1',
    })) {
      mkdirSync(join(root, id));
      writeFileSync(join(root, id, "state.json"), text);
      const log = join(root, "log");
      assert.is(silent(runtime(["list", "-q"], { root })).stdout.includes(id), true);
      assert.match(succeeded(runtime(["list"], { root, global: ["--log", log] })).stdout, sound.id);
      assert.match(readFileSync(log, "utf8"), new RegExp(`container ${id}: .*state\\.json is damaged`));
      assert.match(complaint(runtime(["state", id], { root })), /state\.json is damaged: .*delete --force/);
      silent(runtime(["delete", "--force", id], { root }));
      assert.is(silent(runtime(["list", "-q"], { root })).stdout, `${sound.id}\n`);
    }
  } finally {
    silent(runtime(["delete", "--force", sound.id], { root }));
  }
});

testTsrun("completion offers the containers of the root that the command line names", () => {
  using box = created({ args: SLEEP });
  const offered = (words: readonly string[], call: Call = {}) =>
    silent(runtime(["__complete", "--", ...words], call)).stdout;
  assert.match(offered(["start", ""]), new RegExp(`^${box.id}$`, "m"));
  assert.is(offered(["start", box.id.slice(0, -1)]), `${box.id}\n`);
  assert.is(offered(["--root", freshDirectory("none"), "start", ""]), "");
  assert.is(offered(["resume", box.id]), "");
  silent(box.call("start"));
  assert.is(offered(["start", box.id]), "");
  assert.is(offered(["pause", box.id]), `${box.id}\n`);
});

leavesNothing();
test.run();
