// Runs beside other files.

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../../harness/bundle.ts";
import { ran, ranIn, started } from "../../harness/container.ts";
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
import { plainEnvironment } from "../../harness/plain-environment.ts";
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
    env: { ...plainEnvironment(), ...COLD },
  });
  assert.is(status, 127);
  assert.is(stdout, "");
  assert.match(stderr, /^tsrun: error: \/proc\/self\/exe: .*\n$/);
});

leavesNothing();
test.run();
