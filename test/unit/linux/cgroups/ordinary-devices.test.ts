import { test } from "uvu";
import * as assert from "uvu/assert";
import { compileDeviceRules } from "../../../../src/linux/cgroups/device-program.ts";
import { containerDeviceRules } from "../../../../src/linux/cgroups/device-rules.ts";
import { ordinaryDeviceProgram } from "../../../../src/linux/cgroups/ordinary-devices.ts";

const DENY_ALL = { allow: false, access: "rwm" } as const;

test("the program compiled beforehand is what its rules compile to", () => {
  const compiled = compileDeviceRules(containerDeviceRules([DENY_ALL], []));
  assert.equal(ordinaryDeviceProgram([DENY_ALL]), compiled);
});

test("no rules at all mean the same", () => {
  assert.equal(ordinaryDeviceProgram(), compileDeviceRules(containerDeviceRules(undefined, undefined)));
});

for (const rules of [
  [{ allow: true, access: "rwm" }],
  [{ allow: false, access: "rw" }],
  [{ allow: false, type: "c", access: "rwm" }],
  [{ allow: false, major: 1, access: "rwm" }],
  [{ allow: false, minor: 1, access: "rwm" }],
  [DENY_ALL, { allow: true, type: "c", major: 10, minor: 229, access: "rwm" }],
] as const) {
  test(`other rules are compiled: ${JSON.stringify(rules)}`, () => {
    assert.is(ordinaryDeviceProgram(rules), null);
  });
}

test("a container with devices of its own gets its own program", () => {
  assert.is(ordinaryDeviceProgram([DENY_ALL], [{ path: "/dev/null", type: "c", major: 1, minor: 3 }]), null);
});

test.run();
