import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cgroup2Of } from "../../harness/cgroups.ts";
import { containerOf } from "../../harness/container.ts";
import { uniqueId } from "../../harness/environment.ts";
import { runtime, silent } from "../../harness/runtime.ts";
import { waitUntil } from "../../harness/wait.ts";
import { COUNT, checkpoint, counted, imageDirectory, testCriu } from "../checkpoint.ts";
import { nothingIsLeft } from "./leaks.ts";
import { inCgroup, SYSTEMD, scopeOf, shown, startedInScope } from "./units.ts";

const LIMITED = { args: COUNT, linux: { resources: { pids: { limit: 77 } } } };

testCriu(
  "a container comes back in a scope of its own, with its limits, and its old scope is gone",
  async () => {
    using before = startedInScope(LIMITED);
    await waitUntil(() => counted(before) >= 3, "it counts");
    const images = imageDirectory();
    silent(checkpoint(before, images));
    assert.is(shown(scopeOf(before), "ActiveState"), "inactive");
    using after = containerOf(before.bundle, uniqueId());
    const given = ["--image-path", images, "--bundle", after.bundle.path, "--pid-file", after.pidFile];
    silent(runtime(["restore", "--detach", ...given, after.id], SYSTEMD));
    const unit = scopeOf(after);
    assert.is(shown(unit, "ActiveState"), "active");
    assert.is(shown(unit, "TasksMax"), "77");
    assert.is(cgroup2Of(after.pid()), `/sys/fs/cgroup/system.slice/${unit}`);
    assert.ok(inCgroup(unit, "cgroup.procs").split("\n").includes(String(after.pid())));
    const reached = counted(after);
    assert.ok(reached >= 3, "it has not begun anew");
    await waitUntil(() => counted(after) > reached, "it counts on");
    silent(after.call("delete", "--force"));
    assert.is(shown(unit, "ActiveState"), "inactive");
    assert.not.match(readFileSync("/proc/self/mountinfo", "utf8"), after.id);
  },
);

nothingIsLeft();
test.run();
