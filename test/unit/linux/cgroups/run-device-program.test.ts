import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DeviceRule } from "../../../../runtime-spec/config-linux-resources.ts";
import { packInstructions, unpackInstructions } from "../../../../src/kernel/bpf.ts";
import { compileDeviceRules } from "../../../../src/linux/cgroups/device-program.ts";
import { containerDeviceRules } from "../../../../src/linux/cgroups/device-rules.ts";
import { grantedBy } from "../../../../src/linux/cgroups/run-device-program.ts";
import { grants } from "./bpf-machine.ts";

const [READ, WRITE, MAKE] = [2, 4, 1] as const;
const FUSE: DeviceRule = { allow: true, type: "c", major: 10, minor: 229, access: "rw" };
const compiled = (rules: readonly DeviceRule[]) => unpackInstructions(compileDeviceRules(rules));

test("a program grants what the kernel would grant by it", () => {
  const rules = containerDeviceRules([{ allow: false, access: "rwm" }, FUSE], []);
  const [bytes, program] = [compileDeviceRules(rules), compiled(rules)];
  for (const type of ["b", "c"] as const)
    for (const major of [0, 1, 5, 8, 10, 136])
      for (const minor of [0, 3, 229, 70_000]) {
        const letters = { r: READ, w: WRITE, m: MAKE };
        const asked = Object.entries(letters).filter(([access]) =>
          grants(bytes, { type, major, minor, access }),
        );
        const expected = asked.reduce((sum, [, bit]) => sum | bit, 0);
        assert.is(grantedBy([program], type, major, minor), expected, `${type} ${major}:${minor}`);
      }
});

test("of several programs each must allow", () => {
  const reading: DeviceRule = { ...FUSE, access: "r" };
  assert.is(grantedBy([compiled([FUSE]), compiled([reading])], "c", 10, 229), READ);
  assert.is(grantedBy([compiled([FUSE]), compiled([])], "c", 10, 229), 0);
});

test("a program that calls the kernel, has a loop, or no end is not judged", () => {
  const call = { code: 0x85, imm: 14 };
  const loop = { code: 0x05, off: -1 };
  for (const instruction of [call, loop, { code: 0xb7, dst: 0, imm: 1 }])
    assert.is(grantedBy([unpackInstructions(packInstructions([instruction]))], "c", 1, 3), null);
});

test.run();
