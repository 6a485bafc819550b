import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DeviceRule } from "../../../../runtime-spec/config-linux-resources.ts";
import { compileDeviceRules } from "../../../../src/linux/cgroups/device-program.ts";
import { containerDeviceRules } from "../../../../src/linux/cgroups/device-rules.ts";
import { grants, type Request, runProgram } from "./bpf-machine.ts";

const DENY_ALL: DeviceRule = { allow: false, access: "rwm" };
const ALLOW_ALL: DeviceRule = { allow: true, access: "rwm" };

/** Whether the compiled program grants a request such as `"c 1:3 rw"`. */
function granted(rules: readonly DeviceRule[], request: string): boolean {
  const [type, device, access = ""] = request.split(" ");
  const [major, minor] = (device ?? "").split(":").map(Number);
  if ((type !== "b" && type !== "c") || major === undefined || minor === undefined)
    throw new Error(`no request: ${request}`);
  return grants(compileDeviceRules(rules), { type, major, minor, access });
}

const allow = (access: string, type: "a" | "b" | "c", major?: number, minor?: number): DeviceRule => ({
  allow: true,
  access,
  type,
  ...(major === undefined ? {} : { major }),
  ...(minor === undefined ? {} : { minor }),
});
const deny = (...of: Parameters<typeof allow>): DeviceRule => ({ ...allow(...of), allow: false });

test("without rules every device is denied", () => {
  assert.not(granted([], "c 1:3 r"));
  assert.not(granted([], "b 8:0 m"));
});

test("the last rule that matches wins", () => {
  assert.ok(granted([DENY_ALL, allow("rwm", "c", 1, 3)], "c 1:3 rw"));
  assert.not(granted([allow("rwm", "c", 1, 3), DENY_ALL], "c 1:3 rw"));
  assert.not(granted([ALLOW_ALL, deny("rwm", "c", 10, 229)], "c 10:229 r"));
  assert.ok(granted([ALLOW_ALL, deny("rwm", "c", 10, 229)], "c 10:228 r"));
});

test("a rule about reading alone doesn't grant opening for both", () => {
  const rules = [allow("r", "c", 1, 3)];
  assert.ok(granted(rules, "c 1:3 r"));
  assert.not(granted(rules, "c 1:3 rw"));
  assert.not(granted(rules, "c 1:3 w"));
});

test("rules for reading and for writing together grant opening for both", () => {
  assert.ok(granted([allow("r", "c", 1, 3), allow("w", "c", 1, 3)], "c 1:3 rw"));
  assert.ok(granted([allow("r", "c", 1), allow("w", "c", 1, 3)], "c 1:3 rw"));
  assert.not(granted([allow("r", "c", 1), allow("w", "c", 1, 3)], "c 1:4 rw"));
});

test("taking writing away leaves reading, and refuses what asks for both", () => {
  const rules = [ALLOW_ALL, deny("w", "c", 1, 3)];
  assert.ok(granted(rules, "c 1:3 r"));
  assert.not(granted(rules, "c 1:3 rw"));
  assert.ok(granted(rules, "c 1:4 rw"));
});

test("-1 and nothing are every number", () => {
  assert.ok(granted([allow("r", "c", 1)], "c 1:99 r"));
  assert.ok(granted([allow("r", "c", -1, 3)], "c 77:3 r"));
  assert.not(granted([allow("r", "c", -1, 3)], "c 77:4 r"));
  assert.ok(granted([{ allow: true, type: "c", major: 1, minor: -1, access: "r" }], "c 1:99 r"));
});

test("a character device's rule says nothing about the block device of the same numbers", () => {
  assert.not(granted([allow("rwm", "c", 8, 0)], "b 8:0 r"));
  assert.ok(granted([allow("rwm", "a", 8, 0)], "b 8:0 r"));
});

test("a hole in a wildcard is a hole, and an exception in the hole an exception", () => {
  const rules = [ALLOW_ALL, deny("rw", "c", 10), allow("r", "c", -1, 5), deny("rwm", "c", 10, 6)];
  assert.ok(granted(rules, "c 10:5 r"));
  assert.not(granted(rules, "c 10:5 w"));
  assert.not(granted(rules, "c 10:7 r"));
  assert.ok(granted(rules, "c 10:7 m"));
  assert.not(granted(rules, "c 10:6 m"));
  assert.ok(granted(rules, "c 11:5 rw"));
});

test("numbers beyond a dev_t's match nothing, and spoil nothing", () => {
  const rules = [
    allow("r", "c", 2 ** 32 - 1, 3),
    allow("r", "c", 4096 + 1, 3),
    allow("r", "c", 1, 2 ** 20 + 3),
  ];
  assert.not(granted(rules, "c 1:3 r"));
  assert.ok(granted([...rules, allow("r", "c", 4095, 2 ** 20 - 1)], `c 4095:${2 ** 20 - 1} r`));
});

test("every container has its standard devices, whatever its rules say", () => {
  const rules = containerDeviceRules([DENY_ALL], undefined);
  for (const device of ["1:3", "1:5", "1:7", "1:8", "1:9", "5:0", "5:2", "136:0", "136:77", "10:200"])
    assert.ok(granted(rules, `c ${device} rwm`), device);
  for (const device of ["c 1:1", "c 1:11", "c 10:229", "b 7:0", "b 8:0", "c 5:1"]) {
    assert.not(granted(rules, `${device} r`), device);
    assert.ok(granted(rules, `${device} m`), device);
  }
});

test("rules that repeat the standard devices cost no instruction", () => {
  const repeated = Array.from({ length: 50 }, () => allow("rwm", "c", 1, 3));
  const size = (rules: readonly DeviceRule[]) =>
    compileDeviceRules(containerDeviceRules(rules, undefined)).length;
  assert.is(size([DENY_ALL, ...repeated]), size([DENY_ALL]));
});

test("more rules than jumps can span are refused", () => {
  const rules = Array.from({ length: 33_000 }, (_, index) => allow("r", "c", index & 1, index >> 1));
  assert.throws(() => compileDeviceRules(rules), /linux\.resources\.devices/);
});

test("random rules grant what a walk from the last rule grants, access by access", () => {
  for (let round = 0; round < 1000; round++) {
    const rules = Array.from({ length: random(12) }, randomRule);
    compare(rules, (request) => walkBackwards(rules, request));
  }
});

test("where cgroup v1 has an opinion, random rules grant what it grants", () => {
  for (let round = 0; round < 1000; round++) {
    const first = random(2) === 0 ? DENY_ALL : ALLOW_ALL;
    const rules = [first, ...Array.from({ length: random(12) }, () => withNumbers(randomRule()))];
    const cgroup = new DevicesV1();
    for (const rule of rules) cgroup.apply(rule);
    compare(rules, (request) => cgroup.grants(request));
  }
});

const TYPES = ["a", "b", "c", undefined] as const;
const ACCESSES = ["r", "w", "m", "rw", "rm", "wm", "rwm"] as const;
const REQUESTS: readonly Request[] = (["b", "c"] as const).flatMap((type) =>
  [0, 1, 2, 3].flatMap((major) =>
    [0, 1, 2, 3].flatMap((minor) => ACCESSES.map((access) => ({ type, major, minor, access }))),
  ),
);

/** From 0 to `below` - 1, the same in every run. */
function random(below: number): number {
  seed = (seed * 1103515245 + 12345) % 2 ** 31;
  return Math.floor((seed / 2 ** 31) * below);
}
let seed = 1;

function randomRule(): DeviceRule {
  const type = TYPES[random(TYPES.length)];
  const rule = { allow: random(2) === 0, access: ACCESSES[random(ACCESSES.length)] ?? "rwm" };
  return {
    ...rule,
    ...(type === undefined ? {} : { type }),
    ...(random(2) === 0 ? {} : { major: random(4) - 1 }),
    ...(random(2) === 0 ? {} : { minor: random(4) - 1 }),
  };
}

/** cgroup v1 and the specification agree about rules that are each for one device. */
function withNumbers(rule: DeviceRule): DeviceRule {
  return { ...rule, type: random(2) === 0 ? "b" : "c", major: random(3), minor: random(3) };
}

function compare(rules: readonly DeviceRule[], expected: (request: Request) => boolean): void {
  const program = compileDeviceRules(rules);
  for (const request of REQUESTS)
    if (grants(program, request) !== expected(request))
      assert.unreachable(
        `${JSON.stringify(request)} under ${JSON.stringify(rules)}: not ${expected(request)}`,
      );
}

function walkBackwards(rules: readonly DeviceRule[], request: Request): boolean {
  return [...request.access].every((letter) => {
    const rule = rules.findLast((one) => one.access?.includes(letter) && isAbout(one, request));
    return rule?.allow ?? false;
  });
}

function isAbout({ type = "a", major = -1, minor = -1 }: DeviceRule, request: Request): boolean {
  return (
    (type === "a" || type === request.type) &&
    (major === -1 || major === request.major) &&
    (minor === -1 || minor === request.minor)
  );
}

/** The kernel's security/device_cgroup.c: a default and exceptions to it, which merge when they are alike. */
class DevicesV1 {
  private byDefault = true;
  private exceptions = new Map<string, Set<string>>();

  apply({ allow, type = "a", major, minor, access = "" }: DeviceRule): void {
    if (type === "a") {
      this.byDefault = allow;
      this.exceptions.clear();
      return;
    }
    const key = `${type} ${major}:${minor}`;
    const letters = this.exceptions.get(key) ?? new Set();
    for (const letter of access) allow === this.byDefault ? letters.delete(letter) : letters.add(letter);
    this.exceptions.set(key, letters);
  }

  grants({ type, major, minor, access }: Request): boolean {
    const letters = this.exceptions.get(`${type} ${major}:${minor}`) ?? new Set();
    if (this.byDefault) return ![...access].some((letter) => letters.has(letter));
    return [...access].every((letter) => letters.has(letter));
  }
}

test("the machine of these tests refuses what the kernel's verifier refuses", () => {
  assert.throws(() => runProgram(new Uint8Array(8), 0, 0, 0), /unknown instruction/);
  assert.throws(() => runProgram(Uint8Array.of(0x95, 0, 0, 0, 0, 0, 0, 0), 0, 0, 0), /r0/);
});

test.run();
