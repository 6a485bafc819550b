// Runs beside other files.
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, namespaces } from "../../harness/bundle.ts";
import { container, started } from "../../harness/container.ts";
import { freshDirectory, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { runtime, silent, succeeded } from "../../harness/runtime.ts";

/** Open descriptors, all of them inheritable, that a careless caller hands to the runtime as 3, 4, 5, … */
const opened = Array.from({ length: 12 }, () => openSync("/etc/passwd", "r"));
test.after(() => {
  for (const fd of opened) closeSync(fd);
});
const careless = { descriptors: opened };

/** Prints the numbers of its descriptors; what it reads them from is one more. */
const LIST = ["sh", "-c", "exec ls /proc/self/fd"];
const STREAMS = "0\n1\n2\n3\n";

test("run leaves a container its standard streams and no other descriptor", () => {
  const { path } = bundle({ args: LIST });
  assert.is(silent(runtime(["run", "--bundle", path, uniqueId()], careless)).stdout, STREAMS);
});

test("create and start leave it these, too", async () => {
  using box = container({ args: LIST });
  box.create(careless);
  silent(runtime(["start", box.id], careless));
  await box.until("stopped");
  assert.is(box.printed(), STREAMS);
});

testTsrun("what waits for its start holds no other already", () => {
  using box = container({ args: LIST });
  box.create(careless);
  assert.equal(readdirSync(`/proc/${box.pid()}/fd`), ["0", "1", "2"]);
});

test("exec leaves its program these, too", () => {
  using box = started({ args: ["sleep", "60"] });
  assert.is(silent(runtime(["exec", box.id, ...LIST], careless)).stdout, STREAMS);
});

test("so it is in namespaces that others share, and without a pivot", () => {
  const linux = { namespaces: namespaces({ pid: false, network: false, ipc: false }) };
  const { path } = bundle({ args: LIST, linux });
  assert.is(silent(runtime(["run", "--no-pivot", "--bundle", path, uniqueId()], careless)).stdout, STREAMS);
});

const THROUGH_PIPES = { through: ["sh", "-c", '"$@" 2>&1 | cat', "sh"] };
const OPEN_STREAMS = ["sh", "-c", "echo out >/dev/stdout; echo err >/dev/stderr"];

test("a user that isn't root can open the pipes among the standard streams", () => {
  const { path } = bundle({ args: OPEN_STREAMS, process: { user: { uid: 1000, gid: 1000 } } });
  const { stdout } = succeeded(runtime(["run", "--bundle", path, uniqueId()], THROUGH_PIPES));
  assert.is(stdout, "out\nerr\n");
});

test("so can a user that exec names", () => {
  using box = started({ args: ["sleep", "60"] });
  const { stdout } = succeeded(runtime(["exec", "--user", "1000", box.id, ...OPEN_STREAMS], THROUGH_PIPES));
  assert.is(stdout, "out\nerr\n");
});

for (const [verb, input, mine] of [
  ["a null device", undefined, true],
  ["a pipe", "x", false],
] as const) {
  testTsrun(
    `a standard stream that is ${verb} is ${mine ? "one of the container's own" : "the caller's"}`,
    () => {
      const { path } = bundle({ args: ["sh", "-c", "cat /proc/self/fdinfo/0; cat /proc/self/mountinfo"] });
      const call = input === undefined ? {} : { input };
      const { stdout } = succeeded(runtime(["run", "--bundle", path, uniqueId()], call));
      const mount = /^mnt_id:\s*(\d+)$/m.exec(stdout)?.[1];
      assert.is(new RegExp(`^${mount} `, "m").test(stdout), mine, stdout);
    },
  );
}

testTsrun("each standard stream that is a null device is one of the container's own", () => {
  const script = "cat /proc/$$/fdinfo/[012] /proc/$$/mountinfo > /tmp/seen";
  const { path, rootfs } = bundle({ args: ["sh", "-c", script] });
  runtime(["run", "--bundle", path, uniqueId()], { through: ["sh", "-c", '"$@" >/dev/null 2>&1', "sh"] });
  const seen = readFileSync(`${rootfs}/tmp/seen`, "utf8");
  const mounts = [...seen.matchAll(/^mnt_id:\s*(\d+)$/gm)].map(([, mount]) => mount);
  assert.is(mounts.length, 3);
  for (const mount of mounts) assert.match(seen, new RegExp(`^${mount} `, "m"));
});

test("a relative --pid-file is beside the caller, not in the bundle", () => {
  const cwd = freshDirectory("caller");
  using box = container({ args: ["sleep", "60"] });
  silent(runtime(["create", "--pid-file", "init.pid", "--bundle", box.bundle.path, box.id], { cwd }));
  assert.is(readFileSync(`${cwd}/init.pid`, "utf8"), String(box.pid()));
  box.start();
  silent(runtime(["exec", "--detach", "--pid-file", "exec.pid", box.id, "sleep", "60"], { cwd }));
  assert.match(readFileSync(`${cwd}/exec.pid`, "utf8"), /^\d+$/);
});

leavesNothing();
test.run();
