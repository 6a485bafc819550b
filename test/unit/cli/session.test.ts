/** Command lines of several processes, side by side in one tsrun: each prints and logs to its own. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OwnCaller } from "../../../src/agent/own-caller.ts";
import { run } from "../../../src/cli/run-command.ts";
import type { Session } from "../../../src/cli/session/session.ts";
import { SyscallError } from "../../../src/kernel/call.ts";
import { ERRNO } from "../../../src/kernel/errno.ts";

const directory = mkdtempSync(join(tmpdir(), "tsrun-session-"));
test.after(() => rmSync(directory, { recursive: true }));

function makesNoContainers(): never {
  throw new Error("this process makes no containers");
}

/** A process that makes no containers, in a directory of its own below which it has its `--root`. */
function fakeSession(name: string, { umask = 0, readsOutput = true, input = "" } = {}) {
  const here = join(directory, name);
  mkdirSync(join(here, "proc"), { recursive: true });
  symlinkSync(here, join(here, "proc/cwd"));
  const printed = { 1: "", 2: "" };
  const session: Session = {
    caller: Object.assign(new OwnCaller(), { proc: join(here, "proc"), umask }),
    pid: 1,
    livesOn: true,
    complainsToTerminal: false,
    service: async () => "not served",
    write(stream, text) {
      if (stream === 1 && !readsOutput) throw new SyscallError({ name: "write", args: [1] }, ERRNO.EPIPE);
      printed[stream] += text;
    },
    readInput: async () => input,
    preserve: makesNoContainers,
    holdSignals: makesNoContainers,
    foreground: makesNoContainers,
    onEnd: makesNoContainers,
    subreaper: makesNoContainers,
  };
  return { here, printed, run: (...argv: string[]) => run(["--root", "containers", ...argv], session) };
}

/** A container whose creator was killed, in a session's `--root`. */
function addContainer({ here }: ReturnType<typeof fakeSession>, id: string): void {
  const path = join(here, "containers", id);
  mkdirSync(path, { recursive: true });
  const saved = { id, bundle: `/${id}`, rootfs: "", created: "", owner: 0, cgroup: null, init: null };
  writeFileSync(join(path, "state.json"), JSON.stringify(saved));
}

test("list and state of two processes print to their own", async () => {
  const [one, other] = [fakeSession("one"), fakeSession("other")];
  addContainer(one, "first");
  addContainer(other, "second");
  const statuses = await Promise.all([
    one.run("list", "--quiet"),
    other.run("state", "second"),
    other.run("list", "-q"),
  ]);
  assert.equal(statuses, [0, 0, 0]);
  assert.equal(one.printed, { 1: "first\n", 2: "" });
  assert.match(other.printed[1], /^\{\n {2}"ociVersion"[\s\S]*"bundle": "\/second"[\s\S]*\}\n/m);
  assert.match(other.printed[1], /^second$/m);
  assert.is(other.printed[2], "");
});

test("what goes wrong for two processes is told and logged to their own", async () => {
  const [one, other] = [fakeSession("failing"), fakeSession("mistyping", { umask: 0o027 })];
  const statuses = await Promise.all([
    one.run("--log", "log", "--log-format", "json", "state", "none"),
    other.run("--log", "log", "state"),
  ]);
  assert.equal(statuses, [1, 1]);
  const missing = `container does not exist: none (in ${one.here}/containers)`;
  assert.equal(one.printed, { 1: "", 2: `tsrun: error: ${missing}\n` });
  assert.is(JSON.parse(readFileSync(join(one.here, "log"), "utf8")).msg, missing);
  assert.match(
    other.printed[2],
    /^tsrun: error: state: ID is missing .*\nSay `tsrun state --help` for more.\n$/,
  );
  assert.match(readFileSync(join(other.here, "log"), "utf8"), /level=error msg="state: ID is missing/);
});

test("files that a process has made get its umask", async () => {
  const [open, closed] = [fakeSession("open"), fakeSession("closed", { umask: 0o077 })];
  const before = process.umask(0);
  try {
    const statuses = await Promise.all([open, closed].map((one) => one.run("--log", "log", "spec")));
    assert.equal(statuses, [0, 0]);
  } finally {
    process.umask(before);
  }
  const modes = ({ here }: typeof open) =>
    ["log", "config.json"].map((name) => statSync(join(here, name)).mode & 0o777);
  assert.equal(modes(open), [0o644, 0o666]);
  assert.equal(modes(closed), [0o600, 0o600]);
});

test("a process that no longer reads the output ends its command alone", async () => {
  const [one, other] = [fakeSession("deaf", { readsOutput: false }), fakeSession("reading")];
  assert.equal(await Promise.all([one.run("help"), other.run("--version")]), [141, 0]);
  assert.equal(one.printed, { 1: "", 2: "" });
  assert.match(other.printed[1], /^tsrun version /);
});

test("standard input is the process's own", async () => {
  const one = fakeSession("typing", { input: "{]" });
  assert.is(await one.run("update", "--resources", "-", "none"), 1);
  assert.match(one.printed[2], /^tsrun: error: standard input:1:2: /);
});

/** How a file could get at tsrun's own process instead of its session. */
const OWN_PROCESS: readonly RegExp[] = [
  /(?<![.\w-]|config\.json: )process\.(?!terminal\b)\w+/, // not config.json's, of that name
  /\bnode:\w+/,
  /(?<![./\w])console\.\w+/,
  /\bBun\.(std\w+|argv|env|\w+Sync)\b/,
  /\b(STD(IN|OUT|ERR)_FILENO|STREAMS)\b/,
  /\b(read|write)All\([012]\b/,
  /(?<![.\w])(umask|getpid|gete?[ug]id|exitGroup|prctl|chdir)\(/,
  /\/proc\/(thread-)?self\b/,
  /\bnew (HeldSignals|Foreground|OwnCaller)\b/,
];

/** What of that is in a text besides its comments. */
function ownProcessIn(text: string): readonly string[] {
  const code = text
    .replace(/\/\*[\s\S]*?\*\/|\/\/ .*/g, "")
    .replace(/"[^"\n]*"/g, (quoted) => quoted.replace(/(?<!\w)process\./g, "")); // a property of config.json
  return OWN_PROCESS.flatMap((pattern) => pattern.exec(code)?.[0] ?? []);
}

test("no command touches tsrun's own process but through its session", () => {
  const folder = resolve(import.meta.dir, "../../../src/cli");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  const found = files.filter((name) => ownProcessIn(readFileSync(join(folder, name), "utf8")).length > 0);
  assert.equal(found, ["session/own-session.ts"]);
});

for (const line of [
  "const { PATH } = process.env;",
  "process.on(name, handler);",
  'import { readFileSync } from "node:fs";',
  'console.error("failed");',
  "const text = await Bun.stdin.text();",
  "Bun.spawnSync(command);",
  "isTerminal(STDERR_FILENO);",
  "writeAll(2, text);",
  "here(umask(0));",
  'readLink("/proc/self/cwd");',
  "const held = new HeldSignals();",
]) {
  test(`that would be one: ${line}`, () => assert.is(ownProcessIn(line).length, 1));
}

test("a process of config.json is another", () => {
  assert.equal(ownProcessIn("if (process.terminal) bundle.process.env; // as process.env"), []);
});

test.run();
