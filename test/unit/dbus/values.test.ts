import { test } from "uvu";
import * as assert from "uvu/assert";
import { marshal, Reader, splitSignature, type Value } from "../../../src/dbus/values.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("a signature is split into its types", () => {
  assert.equal(splitSignature("sa(sv)u"), ["s", "a(sv)", "u"]);
  assert.equal(splitSignature("aaya{s(ii)}v"), ["aay", "a{s(ii)}", "v"]);
  assert.equal(splitSignature(""), []);
  for (const wrong of ["(s", "a", "z", "s)", "()x("]) assert.throws(() => splitSignature(wrong), /signature/);
});

// Laid out by hand after the specification's "Marshaling".
for (const [signature, values, bytes] of [
  ["yu", [1, 2], "01000000 02000000"],
  ["s", ["foo"], "03000000 666f6f00"],
  ["g", ["ai"], "02 616900"],
  ["ysb", [5, "é", true], "05000000 02000000 c3a90000 01000000"],
  ["ax", [[5n]], "08000000 00000000 0500000000000000"],
  ["at", [[]], "00000000 00000000"],
  ["y(y)", [1, [2]], "0100000000000000 02"],
  ["v", [{ signature: "t", value: 1 }], "01 7400 0000000000 0100000000000000"],
  ["n", [-2], "feff"],
  ["d", [1.5], "000000000000f83f"],
  ["ay", [Uint8Array.of(1, 2, 3)], "03000000 010203"],
] as const satisfies readonly (readonly [string, readonly Value[], string])[])
  test(`${signature} is written as the specification has it`, () => {
    assert.is(hex(marshal(signature, values)), bytes.replaceAll(" ", ""));
  });

test("what was written is read again", () => {
  const values: Value[] = [
    "unit.scope",
    true,
    [
      ["PIDs", { signature: "au", value: [7, 8] }],
      ["Slice", { signature: "s", value: "system.slice" }],
      ["MemoryMax", { signature: "t", value: 2n ** 64n - 1n }],
      ["DeviceAllow", { signature: "a(ss)", value: [["char-*", "m"]] }],
    ],
    [],
  ];
  const signature = "sba(sv)a(sa(sv))";
  assert.equal(new Reader(marshal(signature, values)).readAll(signature), values);
});

test("a message that ends too early is refused", () => {
  const bytes = marshal("s", ["a long string"]);
  assert.throws(() => new Reader(bytes.slice(0, 8)).readAll("s"), RangeError);
});

test("a value of another type is refused", () => {
  assert.throws(() => marshal("u", ["text"]), /string is no value of the D-Bus type/);
  assert.throws(() => marshal("s", [1]), /number is no value of the D-Bus type s/);
});

test.run();
