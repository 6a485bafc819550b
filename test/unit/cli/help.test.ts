import { test } from "uvu";
import * as assert from "uvu/assert";
import { DESCRIPTIONS } from "../../../src/cli/grammar/descriptions.ts";
import { COMMAND_NAMES, commandEntry } from "../../../src/cli/grammar/table.ts";
import { helpText, shownFlags } from "../../../src/cli/help/help.ts";

test("help on a command shows its summary, usage, flags and examples", () => {
  const text = helpText("kill");
  assert.match(text, /^tsrun kill - send a signal/);
  assert.match(text, "usage: tsrun kill [flags] ID [SIGNAL]");
  assert.match(text, /^ {2}-a, --all {2}send it to every process/m);
  assert.match(text, /^ {2}tsrun kill --all web KILL$/m);
});

test("help shows each flag with its placeholder", () => {
  for (const name of COMMAND_NAMES) {
    const text = helpText(name);
    for (const [flag] of shownFlags(commandEntry(name).flags)) assert.match(text, `--${flag}`, name);
  }
  assert.match(helpText("create"), "-b, --bundle DIR");
  assert.match(helpText("list"), "-f, --format table|json");
});

test("help shows defaults in the form in which they are typed", () => {
  assert.match(helpText("events").replace(/\s+/g, " "), "(default: 5s)");
  assert.match(helpText("create").replace(/\s+/g, " "), "(default: 0)");
  assert.match(helpText().replace(/\s+/g, " "), "(default: /run/tsrun, or $XDG_RUNTIME_DIR/tsrun)");
});

test("the overview has every command that works, and no other", () => {
  const list = /^commands:\n((?: {2}.*\n)+)/m.exec(helpText())?.[1] ?? "";
  const listed = [...list.matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name);
  assert.equal(
    listed,
    COMMAND_NAMES.filter((name) => !commandEntry(name).hidden),
  );
});

test("a flag that is ignored is not shown", () => {
  assert.not.match(helpText(), "--criu");
  assert.not.match(helpText("update"), "--kernel-memory");
});

test("an alias and an unknown topic are understood", () => {
  assert.is(helpText("h"), helpText("help"));
  assert.is(helpText("nonsense"), helpText());
});

test("no line is wider than 80 columns, but for examples", () => {
  const examples = Object.values(DESCRIPTIONS).flatMap(({ examples = [] }) => examples.map(([line]) => line));
  for (const text of [helpText(), ...COMMAND_NAMES.map(helpText)]) {
    for (const line of text.split("\n")) {
      assert.ok(line.length <= 80 || examples.includes(line.trim()), line);
    }
  }
});

test("summaries are one line without a full stop", () => {
  for (const name of COMMAND_NAMES) {
    const { summary, flags } = commandEntry(name);
    for (const text of [summary, ...Object.values(flags).map((flag) => flag.summary)]) {
      assert.not.match(text, /\n|\.$/, `${name}: ${text}`);
    }
  }
});

test.run();
