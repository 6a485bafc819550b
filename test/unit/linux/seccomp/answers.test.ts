/** What is said of all calls at once, beside what the filter does about single ones. */
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Seccomp, SeccompArg, SeccompOperator } from "../../../../runtime-spec/config-linux-seccomp.ts";
import { UNFILTERED_CALLS } from "../../../../src/kernel/seccomp.ts";
import { parseCall } from "../../../../src/linux/seccomp/answers/asked-call.ts";
import { casesOf } from "../../../../src/linux/seccomp/answers/cases.ts";
import { Diagrams, type Node } from "../../../../src/linux/seccomp/answers/diagram.ts";
import { differences } from "../../../../src/linux/seccomp/answers/diff.ts";
import { Filter, MACHINES } from "../../../../src/linux/seccomp/answers/filter.ts";
import { argumentStart } from "../../../../src/linux/seccomp/answers/outcomes.ts";
import type { Profile } from "../../../../src/linux/seccomp/answers/profile.ts";
import { isAllowed } from "../../../../src/linux/seccomp/answers/verdict.ts";
import { evaluate } from "../../../../src/linux/seccomp/evaluate.ts";
import { OPERATORS } from "../../../../src/linux/seccomp/tables.ts";
import { engineProfile } from "./decision.ts";

const [NATIVE] = MACHINES;
const profile = (seccomp: Seccomp): Profile => ({
  path: "profile",
  seccomp,
  prefix: "",
  indices: [],
  doubts: [],
});

/** The value of a function for these bits. */
function valueAt(diagrams: Diagrams, node: Node, number: number, args: readonly bigint[]): number | null {
  const bit = (variable: number) => {
    if (variable < argumentStart(0)) return ((number >>> (31 - variable)) & 1) === 1;
    const index = Math.floor((variable - argumentStart(0)) / 64);
    return (((args[index] ?? 0n) >> BigInt(argumentStart(index + 1) - 1 - variable)) & 1n) === 1n;
  };
  return diagrams.value(diagrams.given(node, bit));
}

const words = fc.oneof(
  fc.constantFrom(
    0n,
    1n,
    7n,
    8n,
    9n,
    16n,
    38n,
    40n,
    0x2_0000n,
    0x1000_0000n,
    0xffff_ffffn,
    1n << 32n,
    (1n << 32n) | 40n,
  ),
  fc.bigInt(0n, 0xffff_ffff_ffff_ffffn),
);
const sixWords = fc.array(words, { minLength: 6, maxLength: 6 });
const OPERATOR_NAMES = Object.keys(OPERATORS) as SeccompOperator[]; // keys of a const table

const conditions: fc.Arbitrary<readonly SeccompArg[]> = fc.array(
  fc.record({
    index: fc.integer({ min: 0, max: 2 }),
    value: words,
    valueTwo: words,
    op: fc.constantFrom(...OPERATOR_NAMES),
  }),
  { minLength: 1, maxLength: 3 },
);

/** What fits into words of so many bits. */
const fitting = (width: number, args: readonly bigint[]) => args.map((one) => BigInt.asUintN(width, one));

for (const name of ["docker-run", "podman5-run", "workload-ctd17", "crio-workload"])
  test(`all outcomes of ${name}.json's filter are those of its single calls`, () => {
    using filter = new Filter(profile(engineProfile(name)));
    const { diagrams, program } = filter;
    for (const machine of MACHINES) {
      const outcome = filter.outcome(machine);
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 600 }), fc.boolean(), sixWords, (low, isX32, given) => {
          const number = isX32 ? 0x4000_0000 + low : low;
          const args = fitting(machine.width, given);
          const found = valueAt(diagrams, outcome, number, args);
          assert.is(found, evaluate(program, { number, arch: machine.arch, args }));
        }),
        { numRuns: 300 },
      );
    }
  });

test("of conditions of any kind the cases are disjoint, complete and true", () => {
  fc.assert(
    fc.property(fc.array(conditions, { minLength: 1, maxLength: 3 }), fc.array(sixWords), (rules, calls) => {
      const syscalls = rules.map((args) => ({ names: ["fchown"], action: "SCMP_ACT_ALLOW" as const, args }));
      using filter = new Filter(profile({ defaultAction: "SCMP_ACT_ERRNO", syscalls }));
      const { diagrams } = filter;
      const number = filter.numberOf(NATIVE, "fchown") ?? 0;
      const cases = casesOf(diagrams, filter.outcome(NATIVE, number), 64);
      for (const args of calls) {
        const holding = cases.filter(({ region }) => valueAt(diagrams, region, number, args) === 1);
        assert.is(holding.length, 1);
        assert.is(holding[0]?.value, evaluate(filter.program, { number, args }));
        for (const { conditions: all } of holding)
          for (const { argument, values } of all) assert.ok(holds(values, args[argument] ?? 0n), "as told");
      }
    }),
    { numRuns: 100 },
  );
});

type Values = ReturnType<typeof casesOf>[number]["conditions"][number]["values"];

/** Reads what is printed. */
function holds(values: Values, value: bigint): boolean {
  switch (values.form) {
    case "these":
      return values.values.includes(value);
    case "all but":
      return !values.values.includes(value);
    case "ranges":
      return values.ranges.some(([first, last]) => first <= value && value <= last);
    case "many":
      return true;
    case "masked":
      return values.cubes.some((cube) => (value & cube.mask) === cube.value);
    case "not masked":
      return values.cubes.every((cube) => (value & cube.mask) !== cube.value);
  }
}

test("the differences of two engines' filters are all there are, for any number and arguments", () => {
  const diagrams = new Diagrams();
  using one = new Filter(profile(engineProfile("docker-run")), diagrams);
  using other = new Filter(profile(engineProfile("podman5-run")), diagrams);
  const found = differences(one, other);
  for (const machine of MACHINES) {
    const names = new Map(
      [...new Set(found.flatMap((each) => each.names))].map((name) => [one.numberOf(machine, name), name]),
    );
    const base = machine.name === "x32" ? 0x4000_0000 : 0;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 600 }), sixWords, (low, given) => {
        fc.pre(!UNFILTERED_CALLS.includes(low));
        const number = base + low;
        const args = fitting(machine.word, given);
        const [a, b] = [one, other].map(
          ({ program }) => evaluate(program, { number, arch: machine.arch, args }) ?? 0,
        );
        const told = found.filter(
          ({ machines, numbers, names: named, conditions: all }) =>
            machines.includes(machine) &&
            (named.includes(names.get(number) ?? "") ||
              numbers.some(([first, last]) => first <= low && BigInt(low) <= last)) &&
            all.every(({ argument, values }) => holds(values, args[argument] ?? 0n)),
        );
        assert.is(told.length, a === b ? 0 : 1, `${number} ${args}: ${a} and ${b}`);
        const [difference] = told;
        if (difference !== undefined) assert.equal(difference.values, [a, b]);
      }),
      { numRuns: 500 },
    );
  }
});

test("a filter differs from itself in nothing, and from a stricter one by what that forbids", () => {
  const diagrams = new Diagrams();
  using one = new Filter(profile(engineProfile("docker-run")), diagrams);
  using same = new Filter(profile(engineProfile("docker-run")), diagrams);
  assert.equal(differences(one, same), []);
  const deny = { names: ["mkdir"], action: "SCMP_ACT_ERRNO" as const };
  using loose = new Filter(profile({ defaultAction: "SCMP_ACT_ALLOW" }), diagrams);
  using strict = new Filter(profile({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [deny] }), diagrams);
  const told = differences(loose, strict);
  assert.equal(
    told.map(({ names }) => names),
    [["mkdir"]],
  );
  assert.ok(told.every(({ values: [first, second] }) => isAllowed(first) && !isAllowed(second)));
});

// Calls as people write them

const CALLS: readonly (readonly [text: string, args: readonly (bigint | null)[]])[] = [
  ["getpid", []],
  ["getpid()", []],
  ["socket(AF_ALG)", [38n]],
  ["socket(PF_INET, SOCK_STREAM|SOCK_CLOEXEC, 0)", [2n, 0x80001n, 0n]],
  ['openat(AT_FDCWD, "/x, y", O_RDWR|O_CREAT, 0644)', [0xffff_ffff_ffff_ff9cn, null, 0x42n, 0o644n]],
  ["clone3({flags=CLONE_NEWUSER, exit_signal=0}, 88)", [null, 88n]],
  ["f(_, , ..., NULL, ~0, 1<<32 | 0x10)", [null, null, null, 0n, 0xffff_ffff_ffff_ffffn, 0x1_0000_0010n]],
  ["clone(CLONE_NEWUSER | SIGCHLD);", [0x1000_0011n]],
];

for (const [text, args] of CALLS) test(`${text} is read`, () => assert.equal(parseCall(text).args, args));

test.run();
