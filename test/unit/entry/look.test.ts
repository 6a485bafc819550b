/** look.h, which tells the values of flags from a command and its id, against the command line's own table. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type CommandName, commandEntry, GLOBAL_FLAGS } from "../../../src/cli/grammar/table.ts";
import type { FlagTable } from "../../../src/cli/grammar/table-types.ts";

const HEADER = readFileSync(join(import.meta.dir, "../../../src/entry/look.h"), "utf8");

const KNOWN = new Set(
  ["FILE_FLAGS", "VALUE_FLAGS"].flatMap((list) => {
    const text = HEADER.split(`${list}[] =`)[1]?.split(";")[0] ?? "";
    return text.match(/--?[a-z-]+/g) ?? [];
  }),
);

function spelled(flags: FlagTable, hasValue: boolean): readonly string[] {
  const found = Object.entries(flags).filter(([, { kind }]) => (kind !== "bool") === hasValue);
  return found.flatMap(([name, { short }]) => [`--${name}`, ...(short === undefined ? [] : [`-${short}`])]);
}

/** Commands of which what follows the id is not looked at, and those of which all is. */
const [WITH_WORDS, MAKING] = [["exec", "ps"] as const, ["create", "run"] as const];
const flagsOf = (name: CommandName): FlagTable => commandEntry(name).flags;

test("every flag whose value comes before the command, or before an id that ends the flags, is known", () => {
  const tables = [GLOBAL_FLAGS, ...WITH_WORDS.map(flagsOf)];
  const values = tables.flatMap((flags) => spelled(flags, true));
  assert.ok(values.includes("--log-format") && values.includes("-e"));
  assert.equal(
    values.filter((flag) => !KNOWN.has(flag)),
    [],
  );
});

test("no flag without a value is taken for one with a value", () => {
  const tables = [GLOBAL_FLAGS, ...[...WITH_WORDS, ...MAKING].map(flagsOf)];
  const switches = tables.flatMap((flags) => spelled(flags, false));
  assert.ok(switches.includes("--detach"));
  assert.equal(
    switches.filter((flag) => KNOWN.has(flag)),
    [],
  );
});

test.run();
