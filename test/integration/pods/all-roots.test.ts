// Runs beside other files.
// The containers below other roots.
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { processInfo } from "../../../src/container/state/process-info.ts";
import { bundle, type JsonObject } from "../../harness/bundle.ts";
import { type Container, started } from "../../harness/container.ts";
import { freshDirectory, isTsrun, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { command } from "../../harness/mount.ts";
import { own, runtimeDirectory, call as user } from "../../harness/ordinary-user.ts";
import { runtime, silent, succeeded } from "../../harness/runtime.ts";
import { testIf } from "../../harness/skip.ts";
import { list, memberOf, SLEEP, startedSandbox, tree } from "./listed.ts";

/** A /run for one test, in place of the machine's. */
function ownRun(): Disposable {
  command("mount", "-t", "tmpfs", "-o", "mode=755", "run", "/run");
  return { [Symbol.dispose]: () => void command("umount", "--lazy", "/run") };
}

/** Runs a verb of another runtime; what it makes keeps its standard streams, which are no pipes therefore. */
function other(...words: readonly string[]): void {
  const said = join(freshDirectory("said"), "stderr");
  const { exitCode } = Bun.spawnSync([...words], {
    ...{ stdin: "ignore", stdout: "ignore", stderr: Bun.file(said) },
  });
  assert.is(exitCode, 0, readFileSync(said, "utf8"));
}

/** Runs a command on a host that has cgroup v2 alone. */
const PURE_V2 = [
  ...["unshare", "--mount", "--propagation", "private", "sh", "-c"],
  ...['mount -t cgroup2 none /sys/fs/cgroup && exec "$@"', "sh"],
];

for (const { binary, root, before } of [
  { binary: "runc", root: "/run/containerd/runc/k8s.io", before: ["runc"] },
  // It refuses hosts where some controllers are in cgroup v1, and a root who may not raise limits for device programs.
  { binary: "crun", root: "/run/crun", before: [...PURE_V2, "crun", "--cgroup-manager=disabled"] },
])
  testIf(isTsrun && Bun.which(binary) !== null, `needs tsrun and ${binary}`)(
    `list --all-roots finds what ${binary} has made below ${root}, and its sandbox made by tsrun`,
    () => {
      using _run = ownRun();
      using sandbox = startedSandbox();
      const box = bundle({ ...memberOf(sandbox), args: ["sleep", "63"], linux: memberLinux(sandbox) });
      const id = uniqueId();
      other(...before, "--root", root, "create", "--bundle", box.path, id);
      try {
        const [, made] = tree(["--all-roots"]);
        assert.equal(
          [made?.["CONTAINER"], made?.["STATUS"], made?.["SHARES"], made?.["COMMAND"]],
          [`└─ ${id}`, "created", "net ipc uts", "sleep 63"],
        );
        assert.equal([made?.["RUNTIME"], made?.["ROOT"]], [binary, root]);
        other(...before, "--root", root, "start", id);
        assert.is(tree(["--all-roots"])[1]?.["STATUS"], "running");
        assert.is(list(["-q"]), `${sandbox.id}\n`, "not without the flag");
        other(...before, "--root", root, "kill", id, "KILL");
        const row = list(["--all-roots"])
          .split("\n")
          .find((line) => line.startsWith(id));
        assert.match(row ?? "", new RegExp(`${box.path} .* ${binary} +${root}$`));
      } finally {
        other(...before, "--root", root, "delete", "--force", id);
      }
    },
  );

/** Namespaces of a member, in a cgroup of the test's. */
function memberLinux(sandbox: Container): JsonObject {
  const { linux } = memberOf(sandbox) as { readonly linux: JsonObject };
  return { ...linux, cgroupsPath: `/${uniqueId()}` };
}

testTsrun("--all-roots reads the state that crun writes, and tells whether it was started", () => {
  using _run = ownRun();
  using stand = started({ args: SLEEP });
  const pid = stand.pid();
  const root = "/run/user/1000/crun";
  const startTime = processInfo(pid)?.startTime ?? 0;
  mkdirSync(join(root, "box"), { recursive: true });
  const state = {
    pid,
    "process-start-time": startTime,
    "cgroup-path": "/nowhere",
    rootfs: "/r",
    created: "2026-01-02T03:04:05Z",
  };
  writeFileSync(join(root, "box/status"), JSON.stringify({ ...state, bundle: "/b" }));
  writeFileSync(join(root, "box/config.json"), JSON.stringify({ process: { args: ["nap"] } }));
  writeFileSync(join(root, "box/exec.fifo"), "");
  const find = () => {
    const all = JSON.parse(list(["--all-roots", "--format", "json"])) as Record<string, unknown>[];
    return all.find(({ id }) => id === "box");
  };
  const { owner, ...found } = find() ?? {};
  assert.is(owner, "root");
  assert.equal(found, {
    ...{ id: "box", pid, status: "created", bundle: "/b", rootfs: "/r", created: state.created },
    ...{ annotations: {}, runtime: "crun", root },
  });
  Bun.spawnSync(["rm", join(root, "box/exec.fifo")]);
  assert.is(find()?.["status"], "running");
  writeFileSync(
    join(root, "box/status"),
    JSON.stringify({ ...state, "process-start-time": 1, bundle: "/b" }),
  );
  assert.equal([find()?.["status"], find()?.["pid"]], ["stopped", 0]);
});

testTsrun("what other users name their containers moves no cursor and adds no line", () => {
  using _run = ownRun();
  const directory = "/run/user/1000/crun/\u001b[2Jx\nroot-s";
  mkdirSync(directory, { recursive: true });
  const state = {
    pid: 1,
    "process-start-time": 1,
    rootfs: "/r",
    created: "\u009b2J\r",
    bundle: "/b\u001b]0;x\u0007",
  };
  writeFileSync(join(directory, "status"), JSON.stringify(state));
  for (const flags of [[], ["-q"], ["--tree"]]) {
    const { stdout, stderr } = succeeded(runtime(["list", "--all-roots", ...flags]));
    assert.match(stdout, "\\u001b[2Jx\\nroot-s");
    assert.not.match(stdout + stderr, /(?!\n)\p{Cc}|^root-s/mu);
  }
});

testTsrun("what --all-roots cannot read is told in a line, and the others are listed", () => {
  using _run = ownRun();
  using box = started({ args: SLEEP });
  const root = "/run/docker/runtime-runc/moby";
  for (const id of ["cut", "deep", "odd", "fifo", "none", "linked"])
    mkdirSync(join(root, id), { recursive: true });
  writeFileSync(join(root, "cut/state.json"), '{"id":"secret');
  writeFileSync(join(root, "odd/state.json"), "{}");
  const deep = `${"[".repeat(1e6)}${"]".repeat(1e6)}`;
  writeFileSync(join(root, "deep/state.json"), `{"number":1234567890123456,"array":${deep}}`);
  command("mkfifo", join(root, "fifo/state.json"));
  symlinkSync("/etc/passwd", join(root, "linked/state.json"));
  const { stdout, stderr } = succeeded(runtime(["list", "-q", "--all-roots"]));
  assert.is(stdout, `${box.id}\n`);
  const lines = stderr.trimEnd().split("\n");
  assert.equal(
    lines.map((line) => /^tsrun: warning: (\/[^:]*): /.exec(line)?.[1]),
    ["cut", "deep", "fifo", "linked", "odd"].map((id) => join(root, id)),
  );
  assert.not.match(stderr, "secret");
});

testTsrun("an ordinary user finds the own containers, and is told which roots are closed", () => {
  using _run = ownRun();
  mkdirSync("/run/runc/box", { recursive: true });
  chmodSync("/run/runc", 0o700);
  mkdirSync("/run/crun/box", { recursive: true });
  writeFileSync("/run/crun/box/status", "{}", { mode: 0o600 });
  const id = uniqueId();
  const path = own({ args: SLEEP, more: { annotations: { mine: "yes" } } });
  try {
    silent(user(["run", "--detach", "--bundle", path, id]));
    const { stdout, stderr } = succeeded(user(["list", "--all-roots", "--tree"]));
    assert.match(stdout, new RegExp(`^${id} +running .* tsrun +${runtimeDirectory}/tsrun +sleep 60$`, "m"));
    assert.equal(stderr.trimEnd().split("\n"), [
      "tsrun: warning: /run/runc: EACCES (permission denied)",
      "tsrun: warning: /run/crun/box: openat: EACCES (permission denied)",
    ]);
  } finally {
    silent(user(["delete", "--force", id]));
  }
});

leavesNothing();
test.run();
