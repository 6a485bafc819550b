import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { COMMAND_NAMES } from "../../../src/cli/grammar/table.ts";
import { completions } from "../../../src/cli/help/complete.ts";
import { completionScript, SHELLS } from "../../../src/cli/help/completion.ts";
import { shownCommands } from "../../../src/cli/help/help.ts";
import { testIf } from "../../harness/skip.ts";

const SOURCES = resolve(import.meta.dir, "../../../src/cli");
const directory = mkdtempSync(join(tmpdir(), "tsrun-completion-"));
test.after(() => rmSync(directory, { recursive: true }));

const installed = (shell: string) => testIf(Bun.which(shell) !== null, `needs ${shell}`);

function file(name: string, text: string): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

const scriptFile = (shell: string) => file(`tsrun.${shell}`, completionScript(shell) ?? "");

/**
 * Answers like a tsrun that shows every command, on a host with the containers web, which runs, db, which waits for its
 * start, and old, which has stopped; and r1 under the root /r, in any status.
 */
const FAKE = file(
  "fake.ts",
  `import { COMMAND_NAMES as commands } from ${JSON.stringify(join(SOURCES, "grammar/table.ts"))};
  import { completions } from ${JSON.stringify(join(SOURCES, "help/complete.ts"))};
  const [command, separator, ...words] = process.argv.slice(2);
  if (command !== "__complete" || separator !== "--") throw new Error(\`called as \${process.argv}\`);
  const status = { web: "running", db: "created", old: "stopped" };
  const containers = (root, statuses) =>
    root === "/r" ? ["r1"] : Object.keys(status).filter((id) => statuses?.includes(status[id]) ?? true);
  process.stdout.write(completions(words, { commands, containers }).map((line) => \`\${line}\\n\`).join(""));`,
);

function run(...command: readonly string[]): string {
  const { stdout, stderr } = Bun.spawnSync([...command], { cwd: directory });
  assert.is(stderr.toString(), "");
  return stdout.toString();
}

/** What bash offers for the last of these words, which are those that bash makes of a line. */
function bashOffers(...words: readonly string[]): string[] {
  const walk = `COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tsrun; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const script = `source ${scriptFile("bash")}; tsrun() { ${process.execPath} ${FAKE} "$@"; }; ${walk}`;
  return run("bash", "--norc", "-c", script, "bash", "tsrun", ...words)
    .split("\n")
    .filter((word) => word !== "");
}

function fishOffers(line: string): string[] {
  const fake = `function tsrun; ${process.execPath} ${FAKE} $argv; end`;
  const script = `source ${scriptFile("fish")}; ${fake}; complete -C ${JSON.stringify(line)}`;
  return run("fish", "--no-config", "-c", script)
    .split("\n")
    .filter((word) => word !== "")
    .map((word) => word.replace(/\t.*/, ""));
}

/** What zsh is told to offer for the last of these words: words with their descriptions, or what else. */
function zshOffers(...words: readonly string[]): string[] {
  const zsh = `compdef() : ; compset() print -r -- "compset $*"; _files() print -r -- "files $*"
    _describe() print -rl -- "\${(P@)4}"; tsrun() ${process.execPath} ${FAKE} "$@"
    words=(tsrun "$@") CURRENT=$#words PREFIX=$words[-1]; source ${scriptFile("zsh")}; _tsrun`;
  return run("zsh", "-f", "-c", zsh, "zsh", ...words)
    .split("\n")
    .filter((word) => word !== "");
}

const inBash = installed("bash");
const inFish = installed("fish");
const inZsh = installed("zsh");

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
  assert.equal(bashOffers("exec", "--tt"), ["--tty"]);
  assert.equal(bashOffers("exec", "web", "--t"), []);
});

inBash("bash offers the values of a flag, in its long, short and = forms", () => {
  assert.equal(bashOffers("list", "--format", ""), ["table", "json", "dot", "svg"]);
  assert.equal(bashOffers("list", "-f", "j"), ["json"]);
  assert.equal(bashOffers("list", "--format", "="), ["table", "json", "dot", "svg"]);
  assert.equal(bashOffers("list", "--format", "=", "t"), ["table"]);
  assert.equal(bashOffers("kill", "--all", "=", ""), ["true", "false"]);
});

inBash("bash offers containers where one is wanted, of the root that was given", () => {
  assert.equal(bashOffers("state", ""), ["web", "db", "old"]);
  assert.equal(bashOffers("kill", "--all", "w"), ["web"]);
  assert.equal(bashOffers("create", ""), []);
  assert.equal(bashOffers("--root", "/r", "start", ""), ["r1"]);
  assert.equal(bashOffers("--root", "=", "/r", "start", ""), ["r1"]);
});

inBash("bash offers only containers that the command can act on, with its flags", () => {
  assert.equal(bashOffers("start", ""), ["db"]);
  assert.equal(bashOffers("resume", ""), []);
  assert.equal(bashOffers("exec", ""), ["web", "db"]);
  assert.equal(bashOffers("delete", ""), ["db", "old"]);
  assert.equal(bashOffers("delete", "-f", ""), ["web", "db", "old"]);
  assert.equal(bashOffers("spec", "--sandbox", ""), ["web", "db"]);
  assert.equal(bashOffers("spec", "--sandbox", "=", "o"), []);
});

inBash("bash offers properties of config.json", () => {
  assert.equal(bashOffers("explain", "linux.read"), ["linux.readonlyPaths"]);
  assert.equal(bashOffers("explain", "mounts[].o"), ["mounts[].options"]);
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
  assert.equal(fishOffers("tsrun start d"), ["db"]);
  assert.equal(fishOffers("tsrun exec --tt"), ["--tty"]);
  assert.equal(fishOffers("tsrun exec web --t"), []);
});

inFish("fish offers the values of a flag in its = form, files and directories", () => {
  assert.equal(fishOffers("tsrun list --format="), [
    "--format=dot",
    "--format=json",
    "--format=svg",
    "--format=table",
  ]);
  const here = [file("one.json", ""), join(directory, "two/")];
  mkdirSync(join(directory, "two"), { recursive: true });
  assert.equal(fishOffers(`tsrun --log ${directory}/one`), here.slice(0, 1));
  assert.equal(fishOffers(`tsrun --log=${directory}/one`), [`--log=${here[0]}`]);
  assert.equal(fishOffers(`tsrun --root ${directory}/t`), here.slice(1));
  assert.equal(fishOffers(`tsrun --root=${directory}/t`), [`--root=${here[1]}`]);
});

inZsh("zsh offers commands, flags and values, with what they do", () => {
  assert.equal(zshOffers("cr"), ["create:create a container from a bundle; its process waits for start"]);
  assert.equal(zshOffers("delete", "web", "--h"), ["--help:show help"]);
  assert.equal(zshOffers("list", "--format", ""), ["table", "json", "dot", "svg"]);
  assert.equal(zshOffers("list", "--format=j"), ["--format=json"]);
  assert.equal(zshOffers("--root", "/r", "start", ""), ["r1"]);
  assert.equal(zshOffers("exec", "web", "--t"), []);
});

inZsh("zsh completes files and directories itself", () => {
  assert.equal(zshOffers("--log", ""), ["compset -P -*=", "files "]);
  assert.equal(zshOffers("create", "--bundle="), ["compset -P -*=", "files -/"]);
});

inBash("bash completes files and directories itself", () => {
  mkdirSync(join(directory, "two"), { recursive: true });
  file("one.json", "");
  assert.equal(bashOffers("--log", "one"), ["one.json"]);
  assert.equal(bashOffers("--log", "=", "one"), ["one.json"]);
  assert.equal(bashOffers("create", "-b", "t"), ["two"]);
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

test("commands that help does not show are not offered", () => {
  const offered = completions([""], { commands: shownCommands(), containers: () => [] });
  assert.equal(
    offered.map((line) => line.split("\t")[0]),
    COMMAND_NAMES.filter((name) => name !== "man" && !name.startsWith("__")),
  );
});

test("there is no script for another shell", () => {
  assert.is(completionScript("tcsh"), undefined);
  assert.is(completionScript("constructor"), undefined);
});

test("files are offered for the profiles that seccomp --diff compares", () => {
  const offered = { commands: shownCommands(), containers: () => [] };
  for (const words of [[""], ["a.json", ""]])
    assert.equal(completions(["seccomp", "--diff", ...words], offered), ["<files>"]);
});

test.run();
