import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  allowsEverything,
  containerDeviceRules,
  DEFAULT_RULES,
} from "../../../../src/linux/cgroups/device-rules.ts";

const DENY_ALL = { allow: false, access: "rwm" };
const ALLOW_ALL = { allow: true, access: "rwm" };

test("the default devices come after the config's rules", () => {
  assert.equal(containerDeviceRules([DENY_ALL], []), [DENY_ALL, ...DEFAULT_RULES]);
  assert.equal(containerDeviceRules(undefined, undefined), DEFAULT_RULES);
});

test("a config's own device in a default one's place takes its rule away", () => {
  const rules = containerDeviceRules([], [{ path: "/dev/null" }]);
  assert.is(rules.length, DEFAULT_RULES.length - 1);
  assert.not(rules.some(({ type, major, minor }) => type === "c" && major === 1 && minor === 3));
});

test("a rule without an access is refused", () => {
  assert.throws(() => containerDeviceRules([ALLOW_ALL, { allow: true }], []), /devices\[1\]\.access/);
  assert.throws(() => containerDeviceRules([{ allow: true, access: "" }], []), /devices\[0\]\.access/);
});

test("a privileged container's rules leave everything open", () => {
  assert.ok(allowsEverything(containerDeviceRules([ALLOW_ALL], [])));
  assert.ok(allowsEverything(containerDeviceRules([DENY_ALL, { ...ALLOW_ALL, type: "a", major: -1 }], [])));
});

test("others don't", () => {
  const one = { allow: false, type: "c", major: 1, minor: 1, access: "r" } as const;
  for (const rules of [[], [DENY_ALL], [ALLOW_ALL, one], [{ allow: true, access: "rw" }]])
    assert.not(allowsEverything(containerDeviceRules(rules, [])), JSON.stringify(rules));
  // about all accesses, and not all devices
  for (const part of [{ type: "c" }, { major: 1 }, { minor: 1 }, { major: 0 }, { minor: 0 }] as const)
    assert.not(allowsEverything(containerDeviceRules([{ ...ALLOW_ALL, ...part }], [])), JSON.stringify(part));
});

test.run();
