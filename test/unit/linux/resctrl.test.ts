import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { changeSchemata, leaveResctrl, Resctrl } from "../../../src/linux/resctrl.ts";

// No machine of the tests has resctrl: a directory stands for it. What the kernel makes of the writes is not shown.

const scratch = mkdtempSync(join(tmpdir(), "tsrun-resctrl-"));
test.after(() => rmSync(scratch, { recursive: true }));

/** The file system's root, with a group that has all of one cache and the files that the kernel would put there. */
function resctrl(): string {
  const root = mkdtempSync(join(scratch, "root-"));
  mkdirSync(join(root, "shared/mon_groups"), { recursive: true });
  writeFileSync(join(root, "shared/schemata"), "    L3:0=00ff;1=0f\n    MB:0=100\n");
  writeFileSync(join(root, "shared/tasks"), "");
  return root;
}

test("a process joins a group that is there, and that group stays", () => {
  const root = resctrl();
  const one = new Resctrl("box", { closID: "shared" }, root);
  one.join(4711);
  assert.is(readFileSync(join(root, "shared/tasks"), "utf8"), "4711");
  assert.equal(one.groups.paths, []);
  leaveResctrl(one.groups);
  assert.ok(existsSync(join(root, "shared")));
});

test("what the group is already is not written again, and something else is refused", () => {
  const root = resctrl();
  new Resctrl("box", { closID: "shared", l3CacheSchema: "L3:0=ff;1=f", memBwSchema: "MB:0=100" }, root).join(
    1,
  );
  const other = new Resctrl("box", { closID: "shared", schemata: ["MB:0=50"] }, root);
  assert.throws(
    () => other.join(1),
    /linux\.intelRdt\.closID: the group .*shared exists already, without "MB:0=50"/,
  );
});

test("a group that is not there, and has nothing to be made with, is refused", () => {
  const root = resctrl();
  assert.throws(() => new Resctrl("box", { closID: "absent" }, root).join(1), /there is no group .*absent/);
  assert.not(existsSync(join(root, "absent")));
});

test("a container without closID has a group by its id, which goes with it", () => {
  const root = resctrl();
  const one = new Resctrl("box", {}, root);
  mkdirSync(join(root, "box"));
  writeFileSync(join(root, "box/tasks"), "");
  one.join(4711);
  assert.is(readFileSync(join(root, "box/tasks"), "utf8"), "4711");
  unlinkSync(join(root, "box/tasks"));
  leaveResctrl(one.groups);
  assert.not(existsSync(join(root, "box")));
});

test("an update writes the lines that it names to the container's group", () => {
  const root = resctrl();
  const current = { closID: "shared", memBwSchema: "MB:0=100" };
  const schemas = { l3CacheSchema: "L3:0=1", memBwSchema: undefined };
  const { intelRdt, groups } = changeSchemata("box", 4711, current, schemas, root);
  assert.match(readFileSync(join(root, "shared/schemata"), "utf8"), /^L3:0=1\n/); // no kernel reads it: more follows
  assert.is(readFileSync(join(root, "shared/tasks"), "utf8"), "");
  assert.equal(intelRdt, { ...current, l3CacheSchema: "L3:0=1" });
  assert.is(groups, null);
});

test("an update makes a group for a container that had none, and that goes with it", () => {
  const root = resctrl();
  const schemas = { l3CacheSchema: undefined, memBwSchema: "MB:0=50" };
  // The kernel would put files into the new group; here there are none to write to.
  assert.throws(
    () => changeSchemata("box", 4711, undefined, schemas, root),
    /linux\.intelRdt: cannot write "MB:0=50" to .*box\/schemata: ENOENT/,
  );
  writeFileSync(join(root, "box/schemata"), "MB:0=50\n");
  writeFileSync(join(root, "box/tasks"), "");
  const { groups } = changeSchemata("box", 4711, undefined, schemas, root);
  assert.is(readFileSync(join(root, "box/tasks"), "utf8"), "4711");
  assert.equal(groups, { paths: [join(root, "box")] });
});

test("the monitoring group is in the control group, and goes before it", () => {
  const root = resctrl();
  const one = new Resctrl("box", { closID: "shared", enableMonitoring: true }, root);
  assert.throws(() => one.join(4711), /linux\.intelRdt: cannot join .*mon_groups\/box: ENOENT/); // it has no files here
  assert.equal(one.groups.paths, [join(root, "shared/mon_groups/box")]);
  rmdirSync(join(root, "shared/mon_groups/box"));
  const both = new Resctrl("box", { enableMonitoring: true }, root);
  assert.equal(both.groups.paths, [join(root, "box/mon_groups/box"), join(root, "box")]);
});

test.run();
