import { test } from "uvu";
import * as assert from "uvu/assert";
import { absentValue } from "../../../src/cli/grammar/flag-kinds.ts";
import { parse } from "../../../src/cli/grammar/parse.ts";
import {
  COMMAND_NAMES,
  type CommandName,
  commandEntry,
  GLOBAL_FLAGS,
} from "../../../src/cli/grammar/table.ts";
import type { Flag, FlagTable } from "../../../src/cli/grammar/table-types.ts";
import { testIf } from "../../harness/skip.ts";

/** A flag as runc's help shows it: `--bundle value, -b value  path to …`. */
interface RuncFlag {
  readonly names: readonly string[];
  readonly takesValue: boolean;
  /** What the help says it is without the flag, such as `"text"`, `5s` or `0`; undefined where it says nothing. */
  readonly byDefault: string | undefined;
}

const withRunc = testIf(Bun.which("runc") !== null, "needs runc");

function runcHelp(...command: readonly string[]): string {
  return Bun.spawnSync(["runc", ...command, "--help"]).stdout.toString();
}

function runcFlags(help: string): RuncFlag[] {
  return [...help.matchAll(/^ {3}(-\S+(?: value)?(?:, -\S+(?: value)?)*) {2,}(.*)$/gm)].map(
    ([, spellings = "", text = ""]) => ({
      names: spellings.split(", ").map((spelling) => spelling.replace(" value", "")),
      takesValue: spellings.includes(" value"),
      byDefault: /\(default: ([^()]*)\)$/.exec(text)?.[1],
    }),
  );
}

function runcCommands(): string[] {
  const list = /^COMMANDS:\n((?: {3}.*\n)+)/m.exec(runcHelp())?.[1] ?? "";
  return [...list.matchAll(/^ {3}(\S+?),? /gm)].map(([, name = ""]) => name);
}

/** A value that the flag of that spelling takes, by our table. */
function sampleValue(flags: FlagTable, spelling: string): string {
  const flag: Flag | undefined = Object.entries(flags).find(([name]) => `--${name}` === spelling)?.[1];
  if (flag?.kind === "choice") return flag.choices[0] ?? "";
  return flag?.kind === "duration" ? "1s" : "1";
}

/** Every spelling of runc's flags, as words for our parser. */
function spellings(flags: FlagTable, theirs: readonly RuncFlag[]): string[][] {
  return theirs.flatMap(({ names, takesValue }) => {
    const long = names.find((name) => name.startsWith("--")) ?? "";
    return names.map((name) => (takesValue ? [name, sampleValue(flags, long)] : [name]));
  });
}

const required = (name: CommandName): string[] =>
  commandEntry(name)
    .args.filter((arg) => !arg.startsWith("["))
    .map(() => "x");

withRunc("every command of runc is there", () => {
  const theirs = runcCommands();
  assert.ok(theirs.length >= 18, `runc lists ${theirs}`);
  assert.equal(
    theirs.filter((name) => !COMMAND_NAMES.some((ours) => ours === name)),
    [],
  );
});

withRunc("every global flag of runc is accepted", () => {
  const theirs = spellings(GLOBAL_FLAGS, runcFlags(runcHelp()));
  assert.ok(theirs.length >= 11, `runc lists ${theirs}`);
  for (const words of theirs) assert.not.throws(() => parse(words), words.join(" "));
});

withRunc("every flag of every command of runc is accepted", () => {
  const theirs = runcCommands();
  for (const name of COMMAND_NAMES.filter((ours) => theirs.includes(ours))) {
    for (const words of spellings(commandEntry(name).flags, runcFlags(runcHelp(name)))) {
      const line = [name, ...words, ...required(name)];
      assert.not.throws(() => parse(line), line.join(" "));
    }
  }
});

/** Where tsrun's default is meant to be another: state and criu of its own. */
const OWN_DEFAULTS: ReadonlySet<string> = new Set(["--root", "--criu"]);

/** What a flag of ours is when it isn't given, in the words of runc's help; a 0 that means "unchanged" is absent. */
function ourDefault(flags: FlagTable, spelling: string): string {
  const flag = flags[spelling.slice(2)];
  if (flag === undefined) throw new Error(`${spelling} is not in the table`);
  const value = absentValue(flag) ?? 0;
  if (flag.kind === "duration") return `${Number(value) / 1000}s`;
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

withRunc("a flag that isn't given is what runc's help says it is", () => {
  const theirs = runcCommands();
  const tables = [
    { flags: GLOBAL_FLAGS as FlagTable, help: runcHelp() },
    ...COMMAND_NAMES.filter((ours) => theirs.includes(ours)).map((name) => ({
      flags: commandEntry(name).flags,
      help: runcHelp(name),
    })),
  ];
  let seen = 0;
  for (const { flags, help } of tables) {
    for (const { names, byDefault } of runcFlags(help)) {
      const long = names.find((name) => name.startsWith("--")) ?? "";
      if (byDefault === undefined || OWN_DEFAULTS.has(long)) continue;
      assert.is(ourDefault(flags, long), byDefault, long);
      seen++;
    }
  }
  assert.ok(seen >= 9, `${seen} defaults were compared`);
});

withRunc("the help of runc's commands with most flags is read in full", () => {
  const count = (name: string) => runcFlags(runcHelp(name)).length;
  assert.ok(count("exec") >= 16);
  assert.ok(count("update") >= 15);
  assert.ok(count("restore") >= 18);
});

/** Newer than the runc that Debian 12 has: 1.2 and 1.3. */
const NEWER: { readonly [C in CommandName]?: readonly string[] } = {
  create: ["--pidfd-socket /s"],
  run: ["--pidfd-socket /s"],
  exec: ["--pidfd-socket /s"],
  update: ["--cpu-burst 1", "--cpu-idle 1"],
  checkpoint: ["--tcp-skip-in-flight", "--link-remap", "--manage-cgroups-mode ignore"],
  restore: ["--link-remap", "--manage-cgroups-mode ignore"],
};

test("flags of runc 1.2 and 1.3 are accepted", () => {
  for (const name of COMMAND_NAMES) {
    for (const words of NEWER[name] ?? []) {
      assert.not.throws(() => parse([name, ...words.split(" "), ...required(name)]), `${name} ${words}`);
    }
  }
});

test.run();
