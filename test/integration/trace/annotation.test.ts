// Runs beside other files.
// Timelines that an annotation asks for.
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS } from "../../harness/bundle.ts";
import { container, containerOf } from "../../harness/container.ts";
import { freshDirectory, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { runtime, succeeded } from "../../harness/runtime.ts";
import { SLEEP } from "../hooks/scripts.ts";
import { NOWHERE, only, readTrace } from "./read-trace.ts";

testTsrun("an annotation has each command on a container write its timeline to a directory", () => {
  const directory = freshDirectory("traces");
  using one = container({ args: SLEEP, annotations: { "org.tsrun.trace": directory } });
  one.create();
  one.start();
  succeeded(runtime(["exec", one.id, "true"]));
  assert.equal(
    readdirSync(directory).sort(),
    ["create", "exec", "start"].map((verb) => `${one.id}.${verb}.json`),
  );
  const create = readTrace(join(directory, `${one.id}.create.json`));
  only(create, "init", /fsopen\("proc"/);
  only(readTrace(join(directory, `${one.id}.start.json`)), "init", /^\/bin\/sleep runs$/);
  only(readTrace(join(directory, `${one.id}.exec.json`)), "init", /^\/bin\/true runs$/);
});

testTsrun("run writes the timelines of create and start, and a create that fails its own", () => {
  const directory = freshDirectory("traces");
  const annotations = { "org.tsrun.trace": directory };
  const id = uniqueId();
  succeeded(runtime(["run", "--bundle", bundle({ args: ["true"], annotations }).path, id]));
  assert.equal(readdirSync(directory).sort(), [`${id}.create.json`, `${id}.start.json`]);
  const failing = uniqueId();
  const mounts = [...DEFAULT_MOUNTS, { destination: "/x", type: "nonesuch", source: "x" }];
  runtime(["create", "--bundle", bundle({ annotations, mounts }).path, failing]);
  const { otherData } = readTrace(join(directory, `${failing}.create.json`));
  assert.match(otherData.error ?? "", /nonesuch/);
});

testTsrun("an annotation overwrites nothing but its own files, and follows no link in its directory", () => {
  const directory = freshDirectory("traces");
  const victim = join(freshDirectory("victim"), "file");
  writeFileSync(victim, "mine");
  using one = container({ annotations: { "org.tsrun.trace": directory } });
  symlinkSync(victim, join(directory, `${one.id}.create.json`));
  one.create();
  assert.is(readFileSync(victim, "utf8"), "mine");
  readTrace(join(directory, `${one.id}.create.json`));
  using other = container({ annotations: { "org.tsrun.trace": victim } });
  const { status, stderr } = runtime(["create", "--bundle", other.bundle.path, other.id]);
  assert.is(status, 0);
  assert.match(
    stderr,
    /warning: config\.json: annotations\["org\.tsrun\.trace"\]: no timeline of create: cannot open the directory .*ENOTDIR/,
  );
  assert.is(readFileSync(victim, "utf8"), "mine");
});

testTsrun("an annotation without a directory is a warning, and the container is made", () => {
  for (const [value, said] of [
    [NOWHERE, /cannot open the directory \S+\/nowhere: ENOENT/],
    ["traces", /must be the absolute path of a directory, not "traces"/],
  ] as const) {
    const made = bundle({ annotations: { "org.tsrun.trace": value } });
    using one = containerOf(made, uniqueId());
    const { status, stderr } = runtime(["create", "--bundle", one.bundle.path, one.id]);
    assert.is(status, 0, stderr);
    assert.match(stderr, said);
    assert.is(one.state().status, "created");
  }
  assert.not(existsSync(NOWHERE));
});

testTsrun("a directory in which nothing can be made is a warning, too", () => {
  const { path } = bundle({ args: ["true"], annotations: { "org.tsrun.trace": "/proc/self/fdinfo" } });
  const { status, stderr } = runtime(["run", "--bundle", path, uniqueId()]);
  assert.is(status, 0, stderr);
  assert.match(
    stderr,
    /annotations\["org\.tsrun\.trace"\]: no timeline of create: cannot write \/proc\/self\/fdinfo\/.*create\.json: E/,
  );
});

leavesNothing();
test.run();
