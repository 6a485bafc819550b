import { test } from "uvu";
import * as assert from "uvu/assert";
import { formatJson, JsonError, parseJson, readJson } from "../../../runtime-spec/json.ts";
import { findSyntaxError } from "../../../runtime-spec/json-position.ts";
import { show } from "../../../runtime-spec/report.ts";

function failure(text: string): string {
  try {
    parseJson(text, "config.json");
  } catch (error) {
    assert.instance(error, JsonError);
    if (error instanceof JsonError) return error.message;
  }
  return "none";
}

const FAILURES: readonly { readonly text: string; readonly at: string; readonly message: string }[] = [
  { text: "", at: "1:1", message: "expected a value, found the end of the text" },
  { text: '{ "a": 1,\n  "b": [', at: "2:9", message: 'expected a value or "]", found the end of the text' },
  {
    text: '{\n  "a": 1,\n}',
    at: "3:1",
    message: 'expected a property name in double quotes, found "}" (one comma too many before it)',
  },
  { text: "[1, ]", at: "1:5", message: 'expected a value, found "]" (one comma too many before it)' },
  { text: '{\n  "a": 1\n  "b": 2\n}', at: "3:3", message: 'expected "," or "}", found "\\"b\\""' },
  { text: "[1 2]", at: "1:4", message: 'expected "," or "]", found "2"' },
  { text: '{"a" 1}', at: "1:6", message: 'expected ":", found "1"' },
  { text: '{"a":}', at: "1:6", message: 'expected a value, found "}"' },
  { text: "{]", at: "1:2", message: 'expected a property name in double quotes or "}", found "]"' },
  { text: "{'a': 1}", at: "1:2", message: 'expected a property name in double quotes or "}", found "\'a\'"' },
  { text: '{"a": 1 // one\n}', at: "1:9", message: 'expected "," or "}", found a comment (JSON has none)' },
  { text: "\ufeff{}", at: "1:1", message: "expected a value, found a byte order mark (JSON has none)" },
  { text: '{"a": tru}', at: "1:7", message: 'expected a value, found "tru"' },
  { text: '{"a": 01}', at: "1:7", message: 'expected a value, found "01"' },
  { text: "{} x", at: "1:4", message: 'expected the end, found "x"' },
  ...['["a', '["a\n"]', '["\\q"]', '["\\u12"]'].map((text) => ({
    text,
    at: "1:2",
    message: "the string is not closed on its line, or has a wrong escape or a control character",
  })),
];

for (const { text, at, message } of FAILURES) {
  test(`the place and the reason are told for ${JSON.stringify(text)}`, () => {
    assert.is(failure(text), `config.json:${at}: ${message}`);
  });
}

test("what is JSON is parsed", () => {
  assert.equal(parseJson(' {"a": [1, -2.5e3, "\\u00e9\\n", true, null, {}, []]}\n', "f"), {
    a: [1, -2500, "é\n", true, null, {}, []],
  });
});

test("integers beyond 2^53 are bigints, wherever they stand, and other numbers and texts what they were", () => {
  const text =
    '{"a":[9007199254740991,9007199254740992,-9223372036854775808],"b": 18446744073709551615,\n"c":1e30}';
  assert.equal(readJson(text), {
    a: [9007199254740991, 9007199254740992n, -9223372036854775808n],
    b: 18446744073709551615n,
    c: 1e30,
  });
  for (const plain of [
    '"18446744073709551615"',
    '"a: 18446744073709551615"',
    "0.12345678901234567",
    "12345678901234567.5",
  ])
    assert.is(readJson(plain), JSON.parse(plain));
});

test("what is read is written with the same digits", () => {
  const text = '{"a":[9007199254740993,1],"b":{"c":-9223372036854775808,"d":"x"}}';
  assert.is(formatJson(readJson(text)), text);
});

test("the search for an error agrees with JSON.parse about what is JSON", () => {
  const seeds = ['{"a":[1,{"b":"\\u0041"},[]],"c":null}', '[true,-0.5e+1,"x",{}]'];
  const chars = [...'{}[]:,"\\ \n01-.eEu', "\u0001", "\u007f", "\u2028", "😀"];
  for (const seed of seeds) {
    for (let at = 0; at <= seed.length; at++) {
      for (const char of ["", ...chars]) {
        for (const text of [
          seed.slice(0, at) + char + seed.slice(at),
          seed.slice(0, at) + char + seed.slice(at + 1),
        ]) {
          assert.is(findSyntaxError(text) === undefined, isJson(text), JSON.stringify(text));
        }
      }
    }
  }
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test("JSON that is nested a million times is an error like others, and can be talked about", () => {
  const deep = (before: string) => `{${before}"a":${"[".repeat(1e6)}${"]".repeat(1e6)}}`;
  assert.throws(
    () => parseJson(deep('"n":1234567890123456,'), "x.json"),
    (error: Error) => error instanceof JsonError && /nested too deeply$/.test(error.message),
  );
  assert.match(show(readJson(deep(""))), /nested too deeply/);
});

test.run();
