import { test } from "uvu";
import * as assert from "uvu/assert";
import { COMMAND_NAMES, commandEntry, GLOBAL_FLAGS, usageLine } from "../../../src/cli/grammar/table.ts";
import type { FlagTable } from "../../../src/cli/grammar/table-types.ts";

const TABLES: readonly (readonly [owner: string, flags: FlagTable])[] = [
  ["global flags", GLOBAL_FLAGS],
  ...COMMAND_NAMES.map((name) => [name, commandEntry(name).flags] as const),
];

test("no two flags of a command share a letter", () => {
  for (const [owner, flags] of TABLES) {
    const letters = Object.values(flags).flatMap(({ short }) => (short === undefined ? [] : [short]));
    assert.is(new Set(letters).size, letters.length, `${owner}: ${letters}`);
  }
});

test("letters are single, names are words with dashes", () => {
  for (const [owner, flags] of TABLES) {
    for (const [name, { short = "x" }] of Object.entries(flags)) {
      assert.match(name, /^[a-z][a-z0-9]+(-[a-z0-9]+)*$/, owner);
      assert.match(short, /^[a-z]$/, `${owner}: ${name}`);
    }
  }
});

test("no command has a flag of its own that every command has", () => {
  for (const name of COMMAND_NAMES) {
    const { flags } = commandEntry(name);
    assert.not.ok("help" in flags, name);
    assert.not.ok(
      Object.values(flags).some(({ short }) => short === "h"),
      name,
    );
  }
});

test("a default of a choice is one of the choices", () => {
  for (const [owner, flags] of TABLES) {
    for (const flag of Object.values(flags)) {
      if (flag.kind !== "choice" || flag.default === undefined) continue;
      assert.ok(flag.choices.includes(flag.default), owner);
    }
  }
});

test("only the last argument may be any number of words, and none that is needed follows one that is not", () => {
  for (const name of COMMAND_NAMES) {
    const { args } = commandEntry(name);
    const optional = args.map((arg) => arg.startsWith("["));
    assert.equal(
      optional,
      [...optional].sort((a, b) => Number(a) - Number(b)),
      usageLine(name),
    );
    assert.not.ok(
      args.slice(0, -1).some((arg) => arg.includes("...")),
      usageLine(name),
    );
  }
});

test("a usage line shows flags only where there are some", () => {
  assert.is(usageLine("create"), "tsrun create [flags] ID");
  assert.is(usageLine("state"), "tsrun state ID");
  assert.is(usageLine("exec"), "tsrun exec [flags] ID [COMMAND...]");
});

test.run();
