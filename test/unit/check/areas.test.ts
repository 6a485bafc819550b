import { test } from "uvu";
import * as assert from "uvu/assert";
import { Config } from "../../../runtime-spec/config.ts";
import { CAPABILITIES } from "../../../runtime-spec/config-process.ts";
import { properties } from "../../../runtime-spec/properties.ts";
import type { Schema } from "../../../runtime-spec/schema.ts";
import { AREAS } from "../../../src/check/areas.ts";
import { placesOf } from "../../../src/check/config-pattern.ts";
import { EVERY_CONTAINER } from "../../../src/check/feature.ts";
import { RLIMITS } from "../../../src/kernel/rlimits.ts";

const FEATURES = AREAS.flatMap(({ features }) => features);
const PATTERNS = FEATURES.flatMap(({ config }) => config);

test("names and titles of features are theirs alone", () => {
  for (const texts of [FEATURES.map(({ name }) => name), FEATURES.map(({ title }) => title)])
    assert.equal(texts.toSorted(), [...new Set(texts)].toSorted());
});

test("names are words that scripts can use", () => {
  for (const { name } of FEATURES) assert.match(name, /^[a-zA-Z][\w-]*(\.[\w-]+)*$/);
});

/** `mounts[].type` for `mounts[type=overlay]`: how properties.ts spells what a pattern names. */
function propertyIn(pattern: string): string {
  return pattern
    .replace(/\["[^"]*"\]/g, ".*")
    .replace(/\[(\w+)(=[^\]]*)?\]/g, "[].$1")
    .replace(/\[=[^\]]*\]|=.*$/g, "");
}

test("patterns are about properties of the specification", () => {
  const known = new Set(properties());
  const isKnown = (property: string) =>
    known.has(property) ||
    // A map's names, and any of an object's properties.
    [...known].some((one) => new RegExp(`^${property.replaceAll(".*", "\\.[\\w*]+")}$`).test(one)) ||
    (property.endsWith(".*") && known.has(property.slice(0, -2)));
  for (const pattern of PATTERNS)
    if (pattern !== EVERY_CONTAINER) assert.ok(isKnown(propertyIn(pattern)), pattern);
});

/** The values that the specification has for a property: `linux.namespaces[].type`. */
function valuesOf(property: string): readonly string[] {
  let schema: Schema = Config;
  for (const step of property.replaceAll("[]", ".[]").split(".")) {
    const field =
      schema.kind === "object" ? schema.fields[step] : schema.kind === "array" ? schema.item : null;
    if (!field || field.kind === "foreign") throw new Error(`no property ${property}`);
    schema = field.kind === "required" ? field.schema : field;
  }
  if (schema.kind !== "enum") throw new Error(`${property} has no list of values`);
  return schema.values;
}

/** Configs that ask for one thing each, and all that they may ask for. */
const ASKED: readonly (readonly [string, readonly string[], (value: string) => unknown])[] = [
  [
    "namespace",
    valuesOf("linux.namespaces[].type").filter((type) => type !== "mount"), // no container goes without
    (type) => ({ linux: { namespaces: [{ type }] } }),
  ],
  ["capability", CAPABILITIES, (name) => ({ process: { capabilities: { permitted: [name] } } })],
  [
    "default action",
    valuesOf("linux.seccomp.defaultAction"),
    (defaultAction) => ({ linux: { seccomp: { defaultAction } } }),
  ],
  [
    "action",
    valuesOf("linux.seccomp.syscalls[].action"),
    (action) => ({ linux: { seccomp: { syscalls: [{ action }] } } }),
  ],
  ["flag", valuesOf("linux.seccomp.flags[]"), (flag) => ({ linux: { seccomp: { flags: [flag] } } })],
];

for (const [what, values, config] of ASKED)
  for (const value of values)
    test(`a config's ${what} ${value} needs a feature of its own`, () => {
      const needed = FEATURES.filter((feature) =>
        feature.config.some(
          (pattern) => pattern.includes("=") && placesOf(pattern, config(value)).length > 0,
        ),
      ).map(({ name }) => name);
      assert.is(needed.filter((name) => name !== "loopback").length, 1, needed.join(" "));
    });

test("the resource limits of the specification have numbers", () => {
  assert.equal(Object.keys(RLIMITS).toSorted(), valuesOf("process.rlimits[].type").toSorted());
});

for (const [prefix, values] of [
  ["scheduler.", valuesOf("process.scheduler.policy").filter((name) => name !== "SCHED_ISO")], // no kernel has it
  ["io-priority.", valuesOf("process.ioPriority.class")],
  ["memory-policy.", [...valuesOf("linux.memoryPolicy.mode"), ...valuesOf("linux.memoryPolicy.flags[]")]],
  ["personality.", valuesOf("linux.personality.domain")],
  ["time-offset.", ["monotonic", "boottime"]],
] as const)
  test(`${prefix}* are all that the specification has`, () => {
    const tried = FEATURES.filter(({ name }) => name.startsWith(prefix));
    assert.equal(tried.map(({ name }) => name.slice(prefix.length)).toSorted(), values.toSorted());
  });

test.run();
