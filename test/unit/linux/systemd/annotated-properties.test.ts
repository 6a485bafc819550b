import { test } from "uvu";
import * as assert from "uvu/assert";
import { annotatedProperties } from "../../../../src/linux/systemd/annotated-properties.ts";

/** The property that an annotation comes to. */
function property(name: string, text: string) {
  const [found] = annotatedProperties({ [`org.systemd.property.${name}`]: text, "io.other": "x" });
  return found;
}

for (const [text, signature, value] of [
  ["true", "b", true],
  ["15", "i", 15n],
  ["-15", "i", -15n],
  ["uint64 10000000", "t", 10_000_000n],
  ["byte 0xff", "y", 255n],
  ["1.5", "d", 1.5],
  ["double 2", "d", 2],
  ["'inactive-or-failed'", "s", "inactive-or-failed"],
  ['"a\\"b\\n\\u00e9"', "s", 'a"b\né'],
  ["objectpath '/a'", "o", "/a"],
  ["['a.service', 'b.service']", "as", ["a.service", "b.service"]],
  ["[uint64 1, 2]", "at", [1n, 2n]],
  ["@as []", "as", []],
  ["[['a'], []]", "aas", [["a"], []]],
] as const)
  test(`${text} is of the type ${signature}`, () => {
    assert.equal(property("Some", text), ["Some", { signature, value }]);
  });

for (const [text, complaint] of [
  ["", /a value is missing/],
  ["inactive", /"inactive" is not a value: put strings in quotes/],
  ["5000000000", /5000000000 does not fit the type int32: write "uint64"/],
  ["byte 256", /256 does not fit the type y/],
  ["uint64 -1", /-1 does not fit the type t/],
  ["uint64 1.5", /1.5 is not of the type t/],
  ["'open", /"'open" is not a value/],
  ["[1, 'a']", /a string is not of the type i/],
  ["[1 2]", /"," or "]" is missing/],
  ["[]", /an empty array needs its type/],
  ["1 2", /unexpected "2" after the value/],
  ["1.2.3", /"1.2.3" is not a number/],
] as const)
  test(`${text || "nothing"} is refused with the annotation's name`, () => {
    assert.throws(() => property("Some", text), complaint);
    assert.throws(
      () => property("Some", text),
      /^config\.json: annotations\["org\.systemd\.property\.Some"\]: "/,
    );
  });

test("a name in Sec takes seconds", () => {
  assert.equal(property("TimeoutStopSec", "5"), ["TimeoutStopUSec", { signature: "t", value: 5_000_000n }]);
  assert.equal(property("TimeoutStopSec", "0.25"), ["TimeoutStopUSec", { signature: "t", value: 250_000n }]);
  assert.equal(property("TimeoutStopUSec", "uint64 7"), ["TimeoutStopUSec", { signature: "t", value: 7n }]);
  assert.throws(() => property("TimeoutStopSec", "'5s'"), /must be a number of seconds/);
  for (const many of ["uint64 18446744073710", "1e14", "1e306"])
    assert.throws(() => property("TimeoutStopSec", many), /does not fit into 64 bits as microseconds/);
});

for (const name of ["", "Ab", "Kill Mode", "Kill_Mode", "../x"])
  test(`"${name}" is no property`, () => {
    assert.throws(() => property(name, "1"), /is not the name of a unit's property/);
  });

test("no annotations are no properties", () => {
  assert.equal(annotatedProperties(undefined), []);
});

test.run();
