/** Random configs, out of the model of runtime-spec/: sound ones, and such as somebody got wrong. */
import fc from "fast-check";
import { Config } from "../../runtime-spec/config.ts";
import { Resources } from "../../runtime-spec/config-linux-resources.ts";
import { INT64_MAX, INT64_MIN, UINT64_MAX } from "../../runtime-spec/int64.ts";
import type { Fields, Scalar, Schema } from "../../runtime-spec/schema.ts";

export const USUAL_SEED = 20_260_101;

/** The seed of every random test; TSRUN_TEST_SEED names another than the usual one. */
export const SEED = Number(process.env["TSRUN_TEST_SEED"] ?? USUAL_SEED);

/** How many times as many random values are tried as usual. */
const { TSRUN_TEST_RUNS = "1" } = process.env;

/** How a random test goes: `runs` values that are the same each time, and an end to it all after `seconds`. */
export function randomly(runs: number, seconds: number) {
  return {
    seed: SEED,
    numRuns: runs * Number(TSRUN_TEST_RUNS),
    interruptAfterTimeLimit: seconds * 1000 * Number(TSRUN_TEST_RUNS),
    markInterruptAsFailure: false, // a slow machine tries fewer
  };
}

/** What strings in configs are made of: what is right somewhere, and what is right nowhere. */
const STRINGS = [
  ...[
    "/",
    "/tmp",
    "/proc",
    "/dev/null",
    "/a/../b",
    "relative",
    ".",
    "..",
    "a=b",
    "PATH=/bin",
    "=",
    "0-3",
    "7,9-8",
  ],
  ...[
    "1.0.2",
    "1.3.0",
    "2.0.0",
    "1.0",
    "2MB",
    "64KB",
    "0GB",
    "MB:0=10",
    "eth0",
    "lo",
    "an/other",
    "c",
    "rwm",
    "rx",
  ],
  ...[
    "CAP_KILL",
    "CAP_NONE",
    "memory.high",
    "net.ipv4.ip_forward",
    "kernel.hostname",
    "vm.overcommit_memory",
  ],
  ...[
    "idmap",
    "rbind",
    "ro",
    "noexec",
    "size=64k",
    "x".repeat(300),
    "é\u{1f40b}",
    "a\nb",
    "a\0b",
    " ",
    "true",
  ],
] as const;

const aString = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...STRINGS) }, fc.string({ maxLength: 12 }));

/** Numbers at the limits of what machines hold. */
const NUMBERS = [
  ...[0, 1, -1, 2, 7, 9, 10, 19, 20, 99, 100, 255, 511, 512, 999, 1000, 1001, 4095, 4096, 65535, 65536],
  ...[
    2 ** 31 - 1,
    2 ** 31,
    -(2 ** 31),
    2 ** 32 - 1,
    2 ** 32,
    2n ** 53n,
    2n ** 53n + 1n,
    INT64_MAX,
    INT64_MIN,
    UINT64_MAX,
    2n ** 65n,
    1e30,
  ],
] as const;

const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(
    null,
    true,
    false,
    "",
    [],
    {},
    0.5,
    -7,
    1e30,
    [null],
    [[]],
    { a: 1 },
    "junk",
    ["junk"],
    [{}],
  ),
  fc.constantFrom(...NUMBERS),
  fc.jsonValue({ maxDepth: 2 }),
);

/** How often, of 100 times: a value is of another kind; a property that may be left out is there. */
interface Habits {
  readonly wrong: number;
  readonly present: number;
}

/** What may stand in linux.resources. */
export function someResources(): fc.Arbitrary<unknown> {
  return aValue(Resources, { wrong: 0, present: 12 });
}

/** A whole config: of 100 values about `wrong` are of another kind, of properties that may be absent `present` are there. */
export function aConfig(wrong: number, present = 30): fc.Arbitrary<unknown> {
  return aValue(Config, { wrong, present });
}

function aValue(schema: Schema, habits: Habits): fc.Arbitrary<unknown> {
  const fitting = aFittingValue(schema, habits);
  if (habits.wrong === 0) return fitting;
  const wrong = schema.kind === "integer" ? fc.oneof(junk, fc.constantFrom(...NUMBERS)) : junk;
  return fc.oneof(
    { weight: 100 - habits.wrong, arbitrary: fitting },
    { weight: habits.wrong, arbitrary: wrong },
  );
}

function aFittingValue(schema: Schema, habits: Habits): fc.Arbitrary<unknown> {
  switch (schema.kind) {
    case "array":
      return fc.array(aValue(schema.item, habits), { minLength: schema.min, maxLength: 3 });
    case "map":
      return fc.dictionary(aString, aValue(schema.value, habits), { maxKeys: 3 });
    case "object":
      return anObject(schema.fields, habits);
    default:
      return aScalar(schema);
  }
}

function anObject(fields: Fields, habits: Habits): fc.Arbitrary<unknown> {
  const properties: Record<string, fc.Arbitrary<unknown>> = {};
  for (const [name, field] of Object.entries(fields)) {
    if (field.kind === "foreign") properties[name] = seldom(junk, 2);
    else if (field.kind === "required")
      properties[name] = seldom(aValue(field.schema, habits), 100 - habits.wrong);
    else properties[name] = seldom(aValue(field, habits), habits.present);
  }
  const unheardOf = seldom(junk, 2);
  return fc.record({ ...properties, unheardOf }).map(withoutAbsent);
}

/** Stands for a property that isn't there. */
const ABSENT = Symbol("absent");

function seldom(value: fc.Arbitrary<unknown>, ofHundred: number): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 100 - ofHundred, arbitrary: fc.constant(ABSENT) },
    { weight: ofHundred, arbitrary: value },
  );
}

function withoutAbsent(properties: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== ABSENT));
}

function aScalar(scalar: Scalar): fc.Arbitrary<unknown> {
  switch (scalar.kind) {
    case "boolean":
      return fc.boolean();
    case "flags":
    case "enum":
      return fc.constantFrom(...scalar.values);
    case "string":
      return aString;
    case "integer": {
      const { min, max } = scalar;
      const limits = NUMBERS.filter((number) => number >= min && number <= max);
      return fc.oneof(
        fc.constantFrom(...limits),
        fc.integer({ min: Math.max(Number(min), -(2 ** 31)), max: Math.min(Number(max), 2 ** 31 - 1) }),
      );
    }
  }
}
