// Runs beside other files.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../../harness/bundle.ts";
import { container, ran, ranIn, started } from "../../harness/container.ts";
import {
  freshDirectory,
  isTsrun,
  runtimePath,
  stateRoot,
  testTsrun,
  uniqueId,
} from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { mounted } from "../../harness/mount.ts";
import { complaint, refusal, runtime, silent } from "../../harness/runtime.ts";
import { COLD } from "../../harness/served.ts";

const COMMANDS = ["create", "start", "state", "kill", "delete", "run", "exec", "list", "spec", "features"];

for (const flag of ["--version", "-v"]) {
  test(`${flag} names the runtime, its version and the specification's`, () => {
    const { stdout } = silent(runtime([flag]));
    assert.match(stdout, isTsrun ? /^tsrun version \d+\.\d+\.\d+/ : /^\w+ version/);
    assert.match(stdout, /^spec: 1\.\d+/m);
  });
}

testTsrun(
  "--version tells also the commit, Bun, libseccomp and the kernel, in lines that callers take",
  () => {
    const lines = silent(runtime(["--version"]))
      .stdout.trimEnd()
      .split("\n");
    const names = lines.map((line) => line.split(":", 1)[0]);
    const commit = names.includes("commit") ? ["commit"] : []; // not where the sources are no clone
    assert.equal(names.slice(1), [...commit, "spec", "bun", "libseccomp", "kernel"]);
    const value = (name: string) =>
      lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? "";
    if (commit.length > 0) assert.match(value("commit"), /^[0-9a-f]{40}(-dirty)?$/);
    assert.is(value("bun"), Bun.version);
    assert.match(value("libseccomp"), /^(2\.\d+\.\d+|none: needs libseccomp)/);
    assert.is(value("kernel"), readFileSync("/proc/sys/kernel/osrelease", "utf8").trim());
    // dockerd takes what follows this word in the last line that has it.
    assert.equal(
      lines.filter((line) => line.includes("version")),
      [lines[0]],
    );
  },
);

testTsrun("a habit from docker is answered in one line, with what to type here", () => {
  assert.is(
    complaint(runtime(["stop", "web"])),
    "tsrun: error: unknown command stop: to stop a container: tsrun kill ID TERM, then tsrun delete ID",
  );
  assert.match(complaint(runtime(["run", "-it", "web"])), /^tsrun: error: run: unknown flag -it: /);
});

for (const flag of ["--help", "-h", "help"]) {
  test(`${flag} lists the commands and global options`, () => {
    const { stdout } = silent(runtime([flag]));
    for (const command of COMMANDS) assert.match(stdout, new RegExp(`^ +${command}\\b`, "m"));
    for (const option of ["--root", "--log", "--log-format", "--debug", "--systemd-cgroup"]) {
      assert.ok(stdout.includes(option), option);
    }
  });
}

for (const [command, options] of [
  ["create", ["--bundle", "--pid-file", "--console-socket"]],
  ["run", ["--bundle", "--detach", "--keep", "--pid-file"]],
  ["exec", ["--cwd", "--env", "--user", "--process", "--pid-file", "--detach"]],
  ["delete", ["--force"]],
  ["kill", ["--all"]],
  ["list", ["--format", "--quiet"]],
] as const) {
  test(`${command} --help lists its options`, () => {
    const { stdout } = silent(runtime([command, "--help"]));
    for (const option of options) assert.ok(stdout.includes(option), `${option} in ${stdout}`);
  });
}

testTsrun("without --root the state is in /run/tsrun", () => {
  using _ = mounted("/run", "-t", "tmpfs", "run");
  const { path } = bundle({ args: ["sleep", "60"] });
  const id = uniqueId();
  silent(runtime(["create", "--bundle", path, id], { root: null }));
  try {
    assert.equal(readdirSync("/run/tsrun"), [id]);
    assert.is(runtime(["list", "-q"], { root: null }).stdout, `${id}\n`);
  } finally {
    silent(runtime(["delete", "--force", id], { root: null }));
  }
});

test("options may be written with = or as the next word", () => {
  const { path } = bundle({ args: ["echo", "here"] });
  assert.is(runtime(["run", `--bundle=${path}`, uniqueId()]).stdout, "here\n");
  assert.is(runtime(["run", "-b", path, uniqueId()]).stdout, "here\n");
});

testTsrun("an unknown command, an unknown option or a missing id is refused and named", () => {
  assert.match(refusal(runtime(["explode"])), /explode/);
  assert.match(refusal(runtime(["list", "--explode"])), /explode/);
  assert.match(refusal(runtime([], { global: ["--explode"] })), /explode/);
  for (const command of ["create", "start", "state", "kill", "delete", "run", "exec"]) {
    assert.match(refusal(runtime([command])), /ID/);
  }
});

testTsrun("a word too many is refused", () => {
  assert.match(refusal(runtime(["state", uniqueId(), "more"])), /more/);
});

// The log, as containerd and podman read it

interface Entry {
  readonly level: string;
  readonly msg: string;
  readonly time: string;
}

/** The lines of a log file that a failing command wrote. */
function logged(format: string): string[] {
  const log = join(freshDirectory("log"), "log.json");
  const { status } = runtime(["state", uniqueId()], { global: ["--log", log, "--log-format", format] });
  assert.is(status, 1);
  return readFileSync(log, "utf8").trim().split("\n");
}

test("--log-format json writes an error as level, msg and time", () => {
  const entries = logged("json").map((line) => JSON.parse(line) as Entry); // its fields are what is tested
  const last = entries.findLast(({ level }) => level === "error");
  assert.match(last?.msg ?? "", /does not exist/);
  assert.match(last?.time ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
  assert.ok(Math.abs(Date.parse(last?.time ?? "") - Date.now()) < 60_000, last?.time);
});

test("a message with quotes, newlines and other letters is one line of JSON", () => {
  const log = join(freshDirectory("log"), "log.json");
  const args = ['no"such\nprogram ü'];
  const { status } = ran({ args }, { global: ["--log", log, "--log-format", "json"] });
  assert.ok(status !== 0);
  const lines = readFileSync(log, "utf8").trim().split("\n");
  const entries = lines.map((line) => JSON.parse(line) as Entry);
  assert.ok(
    entries.some(({ level, msg }) => level === "error" && msg.includes("such")),
    lines.join("\n"),
  );
});

test("--log-format text writes one line", () => {
  const [line = "", ...more] = logged("text");
  assert.equal(more, []);
  assert.match(line, /does not exist/);
});

test("the log is added to, not overwritten", () => {
  const log = join(freshDirectory("log"), "log.json");
  const call = { global: ["--log", log, "--log-format", "json"] };
  runtime(["state", uniqueId()], call);
  const first = readFileSync(log, "utf8");
  runtime(["state", uniqueId()], call);
  assert.ok(readFileSync(log, "utf8").startsWith(first));
  assert.ok(readFileSync(log, "utf8").length > first.length);
});

test("an error goes to stderr too when there is a log", () => {
  const log = join(freshDirectory("log"), "log.json");
  const outcome = runtime(["state", uniqueId()], { global: ["--log", log] });
  assert.match(complaint(outcome), /does not exist/);
});

test("a success writes nothing to the log", () => {
  const log = join(freshDirectory("log"), "log.json");
  silent(runtime(["list"], { global: ["--log", log, "--log-format", "json"] }));
  assert.is(readFileSync(log, { encoding: "utf8", flag: "a+" }), "");
});

test("--debug tells more, in the log, and the container's output stays its own", () => {
  const log = join(freshDirectory("log"), "log.json");
  const { path } = bundle({ args: ["echo", "out"] });
  const outcome = ranIn(path, { global: ["--debug", "--log", log, "--log-format", "json"] });
  assert.is(outcome.stdout, "out\n");
  assert.is(outcome.stderr, "");
  const entries = readFileSync(log, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Entry);
  assert.ok(entries.some(({ level }) => level === "debug"));
});

testTsrun("a command whose working directory has been removed is carried out", () => {
  using one = started({ args: ["sleep", "60"] });
  const gone = freshDirectory("gone");
  const script = `rmdir "$PWD" && exec "$@"`;
  const words = ["sh", "-c", script, "sh", runtimePath, "--root", stateRoot, "state", one.id];
  const { stdout } = Bun.spawnSync(words, { cwd: gone });
  assert.match(stdout.toString(), '"status": "running"');
});

testTsrun(
  "a command whose working directory has a path that is too long for the kernel is carried out",
  () => {
    using one = started({ args: ["sleep", "60"] });
    const script = 'name=$(printf %0200d 0); for n in {1..25}; do mkdir $name && cd $name; done; exec "$@"';
    const words = ["bash", "-c", script, "bash", runtimePath, "--root", stateRoot, "state", one.id];
    const { stdout } = Bun.spawnSync(words, { cwd: freshDirectory("deep") });
    assert.match(stdout.toString(), '"status": "running"');
  },
);

testTsrun("update names the source of a limit that cannot be set, which is not config.json", () => {
  using one = started({ args: ["sleep", "60"] });
  const update = (input: string, ...flags: string[]) =>
    complaint(runtime(["update", ...flags, one.id], { input }));
  assert.match(update("", "--cpu-rt-period", "100"), /^tsrun: error: update: cpu\.realtimePeriod: /);
  const limits = '{"cpu":{"realtimePeriod":100}}';
  assert.match(update(limits, "--resources", "-"), /^tsrun: error: standard input: cpu\.realtimePeriod: /);
  assert.match(update("[]", "--resources", "-"), /^tsrun: error: standard input: must be an object/);
  const file = join(freshDirectory("limits"), "limits.json");
  writeFileSync(file, limits);
  assert.ok(update("", "--resources", file).startsWith(`tsrun: error: ${file}: cpu.realtimePeriod: `));
});

testTsrun("update of shares of caches is refused where there is no resctrl, and nothing is changed", () => {
  using one = started({ args: ["sleep", "60"] });
  assert.match(
    complaint(runtime(["update", "--l3-cache-schema", "L3:0=1", one.id])),
    /^tsrun: error: update: intelRdt: this host has no resctrl file system/,
  );
});

testTsrun("what is doubtful in a config is for the person at a terminal, where there is no log", () => {
  const { path } = bundle({ args: ["true"], process: { capabilities: { bounding: ["CAP_NOBODY_KNOWS"] } } });
  const id = uniqueId();
  const words = [runtimePath, "--root", stateRoot, "run", "--bundle", path, id];
  const { stdout } = Bun.spawnSync(["script", "--quiet", "--command", words.join(" "), "/dev/null"]);
  assert.match(stdout.toString(), /^tsrun: warning: config\.json: process\.capabilities\.bounding\[0\]: /);
  silent(ranIn(path));
});

testTsrun("--debug tells the steps of an exec too, with their times", () => {
  using one = started({ args: ["sleep", "60"] });
  const { stderr, status } = runtime(["exec", one.id, "true"], { global: ["--debug"] });
  assert.is(status, 0);
  assert.match(stderr, /^# init: exec\n(.* waits for tsrun\n)? +\d+ µs +\d+ µs {2}\$\d+ setsid\(\) = \d+$/m);
  assert.match(stderr, /^ +\d+ µs +\$\d+ execve\("[^"]*\/true", \["true"\], <\d+ variables>\) = \?$/m);
});

testTsrun("--criu is ignored with a warning, on stderr or in the log", () => {
  assert.match(
    runtime(["list"], { global: ["--criu", "/nowhere"] }).stderr,
    /^tsrun: warning: --criu is ignored/,
  );
  const log = join(freshDirectory("log"), "log.json");
  silent(runtime(["list"], { global: ["--criu", "/nowhere", "--log", log, "--log-format", "json"] }));
  const { level, msg } = JSON.parse(readFileSync(log, "utf8")) as Entry;
  assert.is(level, "warning");
  assert.match(msg, /--criu is ignored/);
});

testTsrun("a log that cannot be written is refused before anything is done", () => {
  using one = container({ args: ["true"] });
  const log = join(freshDirectory("log"), "missing", "log.json");
  const failed = runtime(["create", "--bundle", one.bundle.path, one.id], { global: ["--log", log] });
  assert.is(
    complaint(failed),
    `tsrun: error: --log ${log}: cannot be written: ENOENT (no such file or directory)`,
  );
  assert.is(runtime(["state", one.id]).status, 1);
});

testTsrun("a log that there is no room for is named", () => {
  const directory = freshDirectory("full");
  using _ = mounted(directory, "-t", "tmpfs", "-o", "size=16k", "log");
  writeFileSync(join(directory, "others"), Buffer.alloc(16_384));
  const log = join(directory, "log");
  const { stderr } = runtime(["state", uniqueId()], { global: ["--log", log] });
  assert.match(stderr, `\ntsrun: error: --log ${log}: cannot be written: ENOSPC`);
});

testTsrun("what is wrong with the command line is told though the log cannot be written", () => {
  const { stderr, status } = runtime(["state"], { global: ["--log", "/dev/null/log"] });
  assert.is(status, 1);
  assert.match(
    stderr,
    /^tsrun: error: state: ID is missing .*\ntsrun: error: --log \/dev\/null\/log: cannot be written: ENOTDIR/,
  );
});

test("--log-format json without a log is for standard error", () => {
  const id = uniqueId();
  const entry = JSON.parse(complaint(runtime(["state", id], { global: ["--log-format", "json"] }))) as Entry;
  assert.is(entry.level, "error");
  assert.match(entry.msg, "does not exist");
  assert.ok(Number.isFinite(Date.parse(entry.time)));
});

test("an unknown log format is refused", () => {
  assert.ok(runtime(["list"], { global: ["--log-format", "xml"] }).status !== 0);
});

// features

test("features tells the namespaces, capabilities and mount options that work", () => {
  const features = JSON.parse(silent(runtime(["features"])).stdout);
  assert.match(features.ociVersionMin, /^1\.0\.\d/);
  assert.match(features.ociVersionMax, /^1\.\d/);
  for (const kind of ["pid", "network", "ipc", "uts", "mount", "cgroup", "user"]) {
    assert.ok(features.linux.namespaces.includes(kind), kind);
  }
  assert.ok(features.linux.capabilities.includes("CAP_SYS_ADMIN"));
  for (const option of ["ro", "rbind", "rprivate", "nosuid"]) {
    assert.ok(features.mountOptions.includes(option), option);
  }
});

testTsrun("features tells that systemd may make cgroups, that of an ordinary user too", () => {
  const { cgroup } = JSON.parse(silent(runtime(["features"])).stdout).linux;
  assert.equal([cgroup.systemd, cgroup.systemdUser], [true, true]);
});

testTsrun("each namespace and mount option of features is accepted", () => {
  const features = JSON.parse(silent(runtime(["features"])).stdout);
  assert.ok(features.linux.namespaces.includes("time"));
  for (const option of features.mountOptions.filter(
    (one: string) => !["remount", "idmap", "ridmap"].includes(one),
  )) {
    const mounts = [{ destination: "/x", type: "tmpfs", source: "tmpfs", options: [option] }];
    const { stderr } = ran({ mounts });
    assert.not.match(stderr, /unknown/, option);
  }
});

testTsrun("what nobody reads ends the runtime as SIGPIPE would, without a word", () => {
  const through = ["sh", "-c", '{ sleep 0.2; "$@"; echo $? >&2; } | true', "sh"];
  assert.is(runtime(["features"], { through }).stderr, "141\n");
});

testTsrun("an error that standard error has no room for keeps its exit status", () => {
  const through = ["sh", "-c", 'exec "$@" 2>/dev/full', "sh"];
  assert.is(runtime(["exec", uniqueId(), "true"], { through }).status, 255);
});

testTsrun("a machine that forbids executable memory is told of in one line", () => {
  const said = complaint(runtime(["list"], { env: { ...COLD, BUN_JSC_useJIT: "0" } }));
  assert.match(said, /executable.*ulimit -v.*MemoryDenyWriteExecute/);
});

testTsrun("without /proc one line says what to do", () => {
  const words = ["--mount", "sh", "-c", `mount -t tmpfs none /proc && exec ${runtimePath} --version`];
  const { status, stdout, stderr } = spawnSync("unshare", words, {
    encoding: "utf8",
    env: { ...process.env, ...COLD },
  });
  assert.is(status, 127);
  assert.is(stdout, "");
  assert.match(stderr, /^tsrun: error: \/proc\/self\/exe: .*\n$/);
});

leavesNothing();
test.run();
