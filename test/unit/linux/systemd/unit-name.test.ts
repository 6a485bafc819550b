import { test } from "uvu";
import * as assert from "uvu/assert";
import { expandSlice, unitPlace } from "../../../../src/linux/systemd/unit-name.ts";

const place = (cgroupsPath: string | undefined) => unitPlace(cgroupsPath, "box", "system.slice");

test("slice:prefix:name is a scope in the slice", () => {
  assert.equal(place("machine.slice:libpod:7f0d"), {
    unit: "libpod-7f0d.scope",
    slice: "machine.slice",
    cgroup: "/machine.slice/libpod-7f0d.scope",
  });
});

test("without a cgroupsPath the scope is tsrun-ID in the usual slice", () => {
  const usual = { unit: "tsrun-box.scope", slice: "system.slice", cgroup: "/system.slice/tsrun-box.scope" };
  assert.equal(place(undefined), usual);
  assert.equal(place(""), usual);
});

test("without a slice it is in the usual one", () => {
  assert.is(place(":docker:7f0d").cgroup, "/system.slice/docker-7f0d.scope");
});

test("without a prefix the name begins with a hyphen, as runc has it", () => {
  assert.is(place("system.slice::7f0d").unit, "-7f0d.scope");
});

for (const [slice, path] of [
  ["system.slice", "/system.slice"],
  ["a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice"],
  [
    "kubepods-besteffort-pod1_2.slice",
    "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod1_2.slice",
  ],
  ["-.slice", ""],
  ["cpu.slice", "/_cpu.slice"],
] as const)
  test(`${slice} is at ${path || "the root"}`, () => {
    assert.is(expandSlice(slice), path);
  });

for (const slice of [
  "",
  ".slice",
  "system",
  "system.scope",
  "a--b.slice",
  "-a.slice",
  "a-.slice",
  "a/b.slice",
])
  test(`"${slice}" is no slice`, () => {
    assert.throws(() => expandSlice(slice), /linux\.cgroupsPath: ".*" is not a slice name/);
  });

for (const [cgroupsPath, complaint] of [
  ["/tsrun/box", /must be slice:prefix:name, .*; found "\/tsrun\/box"/],
  ["system.slice:box", /must be slice:prefix:name/],
  ["a.slice:b:c:d", /must be slice:prefix:name/],
  ["system.slice:tsrun:", /has no name in it/],
  ["system.slice:tsrun:../../escape", /is not a unit name/],
  ["system.slice:tsrun:a b", /is not a unit name/],
  [`system.slice:tsrun:${"x".repeat(300)}`, /is not a unit name/],
  ["system.slice:tsrun:pod.slice", /names a slice/],
  ["system:tsrun:box", /"system" is not a slice name/],
] as const)
  test(`${cgroupsPath.slice(0, 40)} is refused`, () => {
    assert.throws(() => place(cgroupsPath), complaint);
  });

test("a name that cgroup v2 keeps for its files is escaped as systemd does", () => {
  assert.is(place("system.slice:cpu.x:1").cgroup, "/system.slice/_cpu.x-1.scope");
  assert.is(place("system.slice:_x:1").cgroup, "/system.slice/__x-1.scope");
});

test.run();
