import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { COMMAND_NAMES } from "../../../src/cli/grammar/table.ts";
import { completionScript } from "../../../src/cli/help/completion.ts";
import { SHELLS } from "../../../src/cli/help/completion-sources.ts";
import { shownCommands } from "../../../src/cli/help/help.ts";
import { testIf } from "../../harness/skip.ts";

const directory = mkdtempSync(join(tmpdir(), "tsrun-completion-"));
test.after(() => rmSync(directory, { recursive: true }));

const installed = (shell: string) => testIf(Bun.which(shell) !== null, `needs ${shell}`);

/** The script for every command in a file. */
function scriptFile(shell: string): string {
  const path = join(directory, `tsrun.${shell}`);
  writeFileSync(path, completionScript(shell, COMMAND_NAMES) ?? "");
  return path;
}

function run(...command: readonly string[]): string {
  const { stdout, stderr } = Bun.spawnSync([...command], { cwd: directory });
  assert.is(stderr.toString(), "");
  return stdout.toString();
}

/** `tsrun list` of a host with the containers web and db, and r1 under the root /r. */
const FAKE = {
  bash: `tsrun() { if [[ $* == *"--root /r"* ]]; then echo r1; else printf 'web\\ndb\\n'; fi; }`,
  fish: `function tsrun; if contains -- /r $argv; echo r1; else; printf 'web\\ndb\\n'; end; end`,
};

/** What bash offers for the last of these words, which are those that bash makes of a line. */
function bashOffers(...words: readonly string[]): string[] {
  const walk = `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tsrun; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const script = `source ${scriptFile("bash")}; ${FAKE.bash}; ${walk}`;
  return run("bash", "--norc", "-c", script, "bash", "tsrun", ...words)
    .split("\n")
    .filter((word) => word !== "");
}

function fishOffers(line: string): string[] {
  const script = `source ${scriptFile("fish")}; ${FAKE.fish}; complete -C ${JSON.stringify(line)}`;
  return run("fish", "--no-config", "-c", script)
    .split("\n")
    .filter((word) => word !== "")
    .map((word) => word.replace(/\t.*/, ""));
}

const inBash = installed("bash");
const inFish = installed("fish");

inBash("bash offers commands and global flags", () => {
  assert.equal(bashOffers("cr"), ["create"]);
  assert.equal(bashOffers(""), [...COMMAND_NAMES]);
  assert.equal(bashOffers("--log"), ["--log", "--log-format"]);
  assert.equal(bashOffers("--log", "/l", "sta"), ["start", "state"]);
});

inBash("bash offers a command's flags, on either side of the id", () => {
  assert.equal(bashOffers("create", "--b"), ["--bundle"]);
  assert.equal(bashOffers("delete", "web", "--"), ["--force", "--help"]);
  assert.equal(bashOffers("--root", "create", "kill", "-"), ["--all", "--help"]);
});

inBash("bash offers no flag of exec behind the id", () => {
  assert.equal(bashOffers("exec", "--t"), ["--tty"]);
  assert.equal(bashOffers("exec", "web", "--t"), []);
});

inBash("bash offers the values of a flag, in its long, short and = forms", () => {
  assert.equal(bashOffers("list", "--format", ""), ["table", "json"]);
  assert.equal(bashOffers("list", "-f", "j"), ["json"]);
  assert.equal(bashOffers("list", "--format", "="), ["table", "json"]);
  assert.equal(bashOffers("list", "--format", "=", "t"), ["table"]);
  assert.equal(bashOffers("kill", "--all", "=", ""), ["true", "false"]);
});

inBash("bash offers containers where one is wanted, of the root that was given", () => {
  assert.equal(bashOffers("start", ""), ["web", "db"]);
  assert.equal(bashOffers("kill", "--all", "w"), ["web"]);
  assert.equal(bashOffers("create", ""), []);
  assert.equal(bashOffers("--root", "/r", "start", ""), ["r1"]);
  assert.equal(bashOffers("--root", "=", "/r", "start", ""), ["r1"]);
});

inBash("bash offers signals, shells and topics of help", () => {
  assert.equal(bashOffers("kill", "web", "K"), ["KILL"]);
  assert.equal(bashOffers("completion", ""), [...SHELLS]);
  assert.equal(bashOffers("help", "cre"), ["create"]);
});

inFish("fish offers commands, flags, values and containers", () => {
  assert.equal(fishOffers("tsrun cr"), ["create"]);
  assert.equal(fishOffers("tsrun --log-format "), ["json", "text"]);
  assert.equal(fishOffers("tsrun --root /r start "), ["r1"]);
  assert.equal(fishOffers("tsrun start w"), ["web"]);
  assert.equal(fishOffers("tsrun exec --t"), ["--tty"]);
  assert.equal(fishOffers("tsrun exec web --t"), []);
});

for (const [shell, ...flags] of [
  ["bash", "-n"],
  ["zsh", "-n"],
  ["fish", "--no-config", "-n"],
] as const) {
  installed(shell)(`${shell} finds no fault in its script`, () => {
    assert.is(run(shell, ...flags, scriptFile(shell)), "");
  });
}

test("only commands that work are offered, unless told otherwise", () => {
  for (const shell of SHELLS) {
    assert.is(completionScript(shell), completionScript(shell, shownCommands()), shell);
  }
});

test("there is no script for another shell", () => {
  assert.is(completionScript("tcsh"), undefined);
  assert.is(completionScript("constructor"), undefined);
});

test.run();
