import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cgroupDirectory, isSystemdForm } from "../../../../src/linux/cgroups/path.ts";

const place = (cgroupsPath: string | undefined) =>
  cgroupDirectory({ proc: "/proc/self" }, "/mount", cgroupsPath, "box");

test("an absolute cgroupsPath starts at the mount", () => {
  assert.is(place("/docker/7f0d"), "/mount/docker/7f0d");
  assert.is(place("//docker/./7f0d/"), "/mount/docker/7f0d");
});

const own = readFileSync("/proc/self/cgroup", "utf8").match(/^0::(.*)$/m)?.[1] ?? "/";

test("a relative cgroupsPath starts beside the caller's own cgroup", () => {
  assert.is(place("pod/box"), join("/mount", dirname(own), "pod/box"));
});

test("without a cgroupsPath the cgroup is named by the id, and there, too", () => {
  assert.is(place(undefined), join("/mount", dirname(own), "box"));
  assert.is(place(""), join("/mount", dirname(own), "box"));
});

test("no cgroupsPath leaves the mount", () => {
  assert.is(place("/../../etc"), "/mount/etc");
  assert.is(place("/a/../../b"), "/mount/b");
  const relative = place("../../../../../../etc");
  assert.ok(relative.startsWith("/mount/") && relative.endsWith("/etc"), relative);
});

for (const [name, path] of [
  ["the root", "/"],
  ["what comes to the root", "/a/.."],
  ["a newline", "/a\nb"],
] as const) {
  test(`${name} is refused`, () => {
    assert.throws(() => place(path), /linux\.cgroupsPath/);
  });
}

test("a path for systemd is refused with a path that would do", () => {
  assert.throws(() => place("system.slice:docker:7f0d"), /--systemd-cgroup.*"\/tsrun\/box"/);
  assert.ok(isSystemdForm(":docker:7f0d"));
  assert.not(isSystemdForm("/system.slice:docker:7f0d"));
});

test.run();
