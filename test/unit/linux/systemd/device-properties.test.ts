import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DeviceRule } from "../../../../runtime-spec/config-linux-resources.ts";
import { containerDeviceRules } from "../../../../src/linux/cgroups/device-rules.ts";
import { deviceProperties } from "../../../../src/linux/systemd/device-properties.ts";

const DENY_ALL: DeviceRule = { allow: false, access: "rwm" };

/** The policy and what is allowed, an entry each. */
function propertiesOf(...rules: readonly DeviceRule[]) {
  const [policy, allowed] = deviceProperties(rules).map(([, { value }]) => value);
  return { policy, allowed: (allowed as readonly string[][]).map((entry) => entry.join(" ")) };
}

test("what the rules allow is a list", () => {
  const fuse: DeviceRule = { allow: true, type: "c", major: 10, minor: 229, access: "rw" };
  const disks: DeviceRule = { allow: true, type: "b", major: 8, access: "r" };
  assert.equal(propertiesOf(DENY_ALL, fuse, disks), {
    policy: "strict",
    allowed: ["/dev/char/10:229 rw", "block-8 r"],
  });
});

test("an ordinary container has its own devices", () => {
  const { policy, allowed } = propertiesOf(...containerDeviceRules([DENY_ALL], []));
  assert.is(policy, "strict");
  for (const entry of ["char-* m", "block-* m", "/dev/char/1:3 rwm", "char-136 rwm"])
    assert.ok(allowed.includes(entry), `${entry}: ${allowed}`);
});

test("a privileged container has all of them", () => {
  assert.equal(propertiesOf({ allow: true, access: "rwm" }), { policy: "auto", allowed: [] });
});

test("what is denied among what is allowed is left to the device program", () => {
  const all: DeviceRule = { allow: true, type: "c", access: "rw" };
  const not: DeviceRule = { allow: false, type: "c", major: 1, minor: 1, access: "rw" };
  assert.equal(propertiesOf(DENY_ALL, all, not), { policy: "strict", allowed: ["char-* rw"] });
});

test("rules that systemd has no words for leave every device to the device program", () => {
  const minor: DeviceRule = { allow: true, type: "c", minor: 3, access: "rw" };
  assert.equal(propertiesOf(DENY_ALL, minor), { policy: "auto", allowed: [] });
});

test.run();
