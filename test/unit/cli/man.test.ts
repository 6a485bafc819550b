import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { COMMAND_NAMES, commandEntry, GLOBAL_FLAGS } from "../../../src/cli/grammar/table.ts";
import { shownFlags } from "../../../src/cli/help/help.ts";
import { ENVIRONMENT, manPage } from "../../../src/cli/help/man.ts";
import { testIf } from "../../harness/skip.ts";

const SOURCES = join(import.meta.dir, "../../../src");
const page = manPage("1.2.3", COMMAND_NAMES);
const withGroff = testIf(Bun.which("groff") !== null, "needs groff");

/** The page as a terminal shows it, all white space alike. */
function formatted(): string {
  const groff = Bun.spawnSync(["groff", "-man", "-ww", "-Tascii", "-P-cbou"], { stdin: Buffer.from(page) });
  assert.is(groff.stderr.toString(), "");
  return groff.stdout.toString().replace(/\s+/g, " ");
}

withGroff("groff finds no fault in the page", () => {
  assert.match(formatted(), "tsrun - an OCI container runtime");
});

withGroff("the page shows each command's usage and each flag as they are typed", () => {
  const text = formatted();
  for (const name of COMMAND_NAMES) {
    assert.match(text, `tsrun ${name} `);
    for (const [flag] of shownFlags(commandEntry(name).flags)) assert.match(text, `--${flag} `, name);
  }
  for (const [flag, entry] of Object.entries(GLOBAL_FLAGS)) {
    assert.is(text.includes(` --${flag} `), !("ignored" in entry), flag);
  }
  assert.match(text, "tsrun kill [flags] ID [SIGNAL]");
  assert.match(text, "-b, --bundle DIR");
  assert.match(text, `echo '{"cpu":{"quota":50000,"period":100000}}' | tsrun update --resources - web`);
});

test("the page names the version", () => {
  assert.match(page, /^\.TH TSRUN 8 "" "tsrun 1\.2\.3"/);
});

/** All but the one that stands for the commit while tsrun is compiled. */
const VARIABLES = /\bTSRUN_(?!COMMIT\b)[A-Z]+\b/g;

test("the page has the variables that tsrun's sources name", () => {
  const sources = new Bun.Glob("**/*.{ts,c}").scanSync({ cwd: SOURCES, absolute: true });
  const named = [...sources].flatMap((file) => readFileSync(file, "utf8").match(VARIABLES) ?? []);
  const listed = ENVIRONMENT.map(([variable]) => variable).filter((variable) =>
    variable.startsWith("TSRUN_"),
  );
  assert.equal([...new Set(named)].sort(), [...listed].sort());
});

test("an example's question ends as a question", () => {
  assert.match(page, /^Can this machine run containers\?$/m);
});

test("no line of text is taken for a request", () => {
  const requests = new Set([
    "TH",
    "SH",
    "SS",
    "TP",
    "PP",
    "B",
    "I",
    "RI",
    "BR",
    "EX",
    "EE",
    "in",
    "nh",
    "ad",
  ]);
  for (const line of page.split("\n").filter((one) => /^[.']/.test(one))) {
    assert.ok(requests.has(line.slice(1).split(" ")[0] ?? ""), line);
  }
});

test.run();
