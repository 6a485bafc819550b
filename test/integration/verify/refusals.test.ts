// Runs beside other files.
// What cannot be verified.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Container, created, started } from "../../harness/container.ts";
import { stateRoot, testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint, refusal, runtime } from "../../harness/runtime.ts";
import { SLEEP } from "./verified.ts";

testTsrun("a process that isn't the container's any more is not looked at", () => {
  using box = started(SLEEP);
  const file = join(stateRoot, box.id, "state.json");
  const saved = readFileSync(file, "utf8");
  writeFileSync(file, saved.replace(/"startTime":\d+/, '"startTime":1'));
  const outcome = runtime(["verify", box.id]);
  writeFileSync(file, saved);
  assert.is(outcome.status, 2);
  assert.match(complaint(outcome), /cannot verify container \S+: it is stopped/);
});

testTsrun("only a running container is verified, and the status says that nothing was", () => {
  using box = created(SLEEP);
  const outcome = runtime(["verify", box.id]);
  assert.is(outcome.status, 2);
  assert.match(
    complaint(outcome),
    /it is created, and only a running or paused one has all that it asked for/,
  );
});

testTsrun("a container that is yet to start is not verified by its pid either", () => {
  using box = created(SLEEP);
  const outcome = runtime(["verify", "--pid", String(box.pid()), "--bundle", box.bundle.path]);
  assert.is(outcome.status, 2);
  assert.match(complaint(outcome), /--pid \d+: has not executed its program yet/);
});

const REFUSALS: readonly (readonly [what: string, args: (box: Container) => string[], said: RegExp])[] = [
  [
    "neither an id nor a pid",
    () => [],
    /ID is missing; for another runtime's container, give --pid and --bundle/,
  ],
  ["a pid without a bundle", () => ["--pid", "1"], /--bundle is missing/],
  ["both", (box) => ["--pid", "1", box.id], /give one or the other/],
  ["no such container", () => ["no-such"], /container does not exist: no-such/],
  [
    "no such process",
    (box) => ["--pid", "4194303", "--bundle", box.bundle.path],
    /--pid 4194303: there is no such process/,
  ],
  [
    "no such bundle",
    (box) => ["--pid", String(box.pid()), "--bundle", "/no/such"],
    /bundle \/no\/such does not exist/,
  ],
  [
    "a thread of the kernel",
    (box) => ["--pid", "2", "--bundle", box.bundle.path],
    /--pid 2: (is a thread of the kernel|there is no such process|cannot look)/,
  ],
];

for (const [what, args, said] of REFUSALS)
  testTsrun(`what cannot be looked at is refused with a status of its own: ${what}`, () => {
    using box = started(SLEEP);
    const outcome = runtime(["verify", ...args(box)]);
    assert.is(outcome.status, 2);
    assert.match(refusal(outcome), said);
  });

testTsrun("a user who may not look into the process is told so", () => {
  using box = started(SLEEP);
  const through = ["setpriv", "--reuid", "52345", "--regid", "52345", "--clear-groups", "--"];
  const outcome = runtime(["verify", "--pid", String(box.pid()), "--bundle", box.bundle.path], { through });
  assert.is(outcome.status, 2);
  assert.match(complaint(outcome), /cannot look into process \d+: EACCES .*: this needs root/);
});

leavesNothing();
test.run();
