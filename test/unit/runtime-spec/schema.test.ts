import { test } from "uvu";
import * as assert from "uvu/assert";
import { Report } from "../../../runtime-spec/report.ts";
import {
  array,
  boolean,
  foreign,
  type Infer,
  integer,
  map,
  object,
  oneOf,
  required,
  string,
  stringThat,
} from "../../../runtime-spec/schema.ts";
import { type Rule, rule, rulesBySchema, walk } from "../../../runtime-spec/walk.ts";

const Pet = object({
  name: required(string),
  age: integer(0, 30),
  kind: oneOf("a kind of pet", ["cat", "dog"]),
});
const Home = object({
  pets: array(Pet),
  notes: map(string, (name) => (name.startsWith("x-") ? undefined : 'must start with "x-"')),
  open: boolean,
  street: stringThat((text) => (text.endsWith(" St") ? undefined : 'must end with " St"')),
  igloo: foreign("Greenland"),
});

function found(value: unknown, ...rules: Rule[]): string[] {
  const report = new Report();
  walk(Home, value, report, rulesBySchema(rules));
  return report.problems.map(({ path, message }) => `${path} ${message}`);
}

test("the inferred type has required, optional and closed properties", () => {
  const pet: Infer<typeof Pet> = { name: "Tom", kind: "cat" };
  // @ts-expect-error: name is required
  const nameless: Infer<typeof Pet> = { age: 3 };
  // @ts-expect-error: a fish is not in the list
  const fish: Infer<typeof Pet> = { name: "Nemo", kind: "fish" };
  // @ts-expect-error: there are no igloos here
  const home: Infer<typeof Home> = { igloo: {} };
  assert.ok(pet && nameless && fish && home);
});

test("all problems are found at once, each with its path", () => {
  const value = { pets: [{ age: 31 }, 5], notes: { "x-a": 1, b: "" }, open: "yes", street: "Main" };
  assert.equal(found(value), [
    "pets[0].name is required",
    "pets[0].age must be from 0 to 30, found 31",
    "pets[1] must be an object, found 5",
    'notes["x-a"] must be a string, found 1',
    'notes.b must start with "x-", found "b"',
    'open must be true or false, found "yes"',
    'street must end with " St", found "Main"',
  ]);
});

test("a word that is not in the list is answered with the list", () => {
  assert.equal(found({ pets: [{ name: "Nemo", kind: "fish" }] }), [
    'pets[0].kind is not a kind of pet: "fish" (one of: cat, dog)',
  ]);
});

test("a value of another kind is shown, cut when long", () => {
  assert.equal(found({ pets: {} }), ["pets must be an array, found {}"]);
  assert.equal(found({ notes: [] }), ["notes must be an object, found []"]);
  assert.equal(found({ street: ["x".repeat(100)] }), [
    `street must be a string, found ["${"x".repeat(55)}...`,
  ]);
  assert.equal(found(undefined), [" must be an object, found undefined"]);
});

test("null and the empty string count as not set, and are removed", () => {
  const value = { pets: null, street: "", igloo: null, pet: null, notes: { "x-a": null, "x-b": "" } };
  assert.equal(found(value), []);
  assert.equal(value as unknown, { pet: null, notes: { "x-b": "" } });
  assert.equal(found({ pets: [{ name: null }] }), ["pets[0].name is required"]);
});

test("the empty string is no value for other kinds", () => {
  assert.equal(found({ open: "", notes: "" }), [
    'notes must be an object, found ""',
    'open must be true or false, found ""',
  ]);
});

test("a rule's problem does not keep other rules from running", () => {
  const complain = rule(Home, (_, report) => report.problem("is too small", "pets"), ["pets"]);
  assert.equal(found({ pets: [] }, complain, complain), ["pets is too small", "pets is too small"]);
});

test("null in a list is a problem", () => {
  assert.equal(found({ pets: [null] }), ["pets[0] must be an object, found null"]);
});

test("an unknown property is ignored", () => {
  assert.equal(found({ garage: { cars: -1 }, constructor: 5 }), []);
});

test("a NUL byte is refused in strings and names", () => {
  assert.equal(found({ street: "Main\0 St", notes: { "x-\0": "" } }), [
    'notes["x-\\u0000"] must not contain a NUL byte, found "x-\\u0000"',
    'street must not contain a NUL byte, found "Main\\u0000 St"',
  ]);
});

test("a rule runs only when what it reads is sound", () => {
  const seen: string[] = [];
  const rules = [
    rule(Home, () => seen.push("all")),
    rule(Home, () => seen.push("pets"), ["pets"]),
    rule(Home, () => seen.push("open, street"), ["open", "street"]),
    rule(Pet, ({ name }) => seen.push(name)),
  ];
  found({ pets: [{ name: 5 }, { name: "Tom" }], open: true }, ...rules);
  assert.equal(seen, ["Tom", "open, street"]);
});

test.run();
