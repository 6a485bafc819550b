// Runs beside other files.
// exec --pid: joining containers that other runtimes have made.

import { copyFileSync, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { namespaces } from "../../harness/bundle.ts";
import { canCompile, compiled } from "../../harness/compile.ts";
import { started } from "../../harness/container.ts";
import { freshDirectory, isTsrun, project, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { call, own, owned } from "../../harness/ordinary-user.ts";
import { PEERS, startedBy, testPeer } from "../../harness/peer.ts";
import { complaint, runtime, silent, succeeded } from "../../harness/runtime.ts";
import { testIf } from "../../harness/skip.ts";
import { waitUntil } from "../../harness/wait.ts";

const tools = freshDirectory("tools");
copyFileSync(join(project, "build/rootfs/busybox/bin/busybox"), join(tools, "busybox"));
for (const name of ["sh", "cat", "grep", "mkdir"]) symlinkSync("busybox", join(tools, name));

/** What confines a process, as it sees that itself. */
const CONFINEMENT =
  "grep -E '^(Uid|Gid|Groups|Umask|Cap|NoNew|Seccomp)' /proc/$1/status; cat /proc/$1/limits; cat /proc/$1/cgroup";
const ofProcess = (pid: number | "self") => ["sh", "-c", CONFINEMENT, "sh", String(pid)];

/** mkdir(2) fails with an errno that nothing else gives. */
const SECCOMP = {
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 95 }],
};
const CONFINED = {
  args: ["/pause"],
  process: {
    user: { uid: 0, gid: 0, additionalGids: [7], umask: 0o27 },
    rlimits: [{ type: "RLIMIT_NOFILE", soft: 256, hard: 512 }],
    oomScoreAdj: 77,
  },
  root: { path: "rootfs", readonly: true },
  linux: { seccomp: SECCOMP, resources: undefined },
};

for (const peer of PEERS)
  testPeer(peer, `a shell in a container of ${peer}'s is confined as the container`, async () => {
    await using box = await startedBy(peer, CONFINED, "pause");
    const shell = (...args: string[]) =>
      runtime(["exec", "--tools", tools, "--pid", String(box.pid), ...args]);
    const own = succeeded(shell(...ofProcess("self"))).stdout;
    assert.is(own, succeeded(shell(...ofProcess(1))).stdout);
    assert.match(own, /Seccomp_filters:\t1/);
    assert.match(shell("mkdir", "/dev/x").stderr, /not supported/);
    assert.is(succeeded(shell("cat", "/proc/self/oom_score_adj")).stdout, "77\n");
    assert.not.ok(existsSync(join(box.bundle.rootfs, ".tools")));
  });

const IDS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
const MAPPED = { namespaces: namespaces({ user: true }), uidMappings: IDS, gidMappings: IDS };

testTsrun("--pid joins a user namespace with the ids that its process has in there", () => {
  using box = started({ args: ["sleep", "60"], process: { user: { uid: 5, gid: 6 } }, linux: MAPPED });
  const said = runtime([
    "exec",
    "--pid",
    String(box.pid()),
    "sh",
    "-c",
    "id -u; id -g; cat /proc/self/uid_map",
  ]);
  assert.match(succeeded(said).stdout, /^5\n6\n +0 +100000 +65536\n$/);
});

testTsrun("--pid without --tools runs a program of the image, with flags for what is to be different", () => {
  using box = started({ args: ["sleep", "60"] });
  const flags = ["--user", "1000:1000", "--env", "NEW=1", "--cwd", "/etc"];
  const said = runtime(["exec", ...flags, "--pid", String(box.pid()), "sh", "-c", "id -u; echo $NEW; pwd"]);
  assert.is(succeeded(said).stdout, "1000\n1\n/etc\n");
});

testTsrun("the process whose filter is copied goes on as it was", async () => {
  const script = "n=0; while :; do n=$((n+1)); echo $n >/tmp/n; sleep 0.01; done";
  using box = started({ args: ["sh", "-c", script], linux: { seccomp: SECCOMP } });
  const at = () => Number(readFileSync(join(box.bundle.rootfs, "tmp/n"), "utf8"));
  await waitUntil(() => existsSync(join(box.bundle.rootfs, "tmp/n")) && at() > 0, "it counts");
  assert.match(runtime(["exec", "--pid", String(box.pid()), "mkdir", "/tmp/x"]).stderr, /not supported/);
  const then = at();
  await waitUntil(() => at() > then, "it goes on");
  assert.match(readFileSync(`/proc/${box.pid()}/status`, "utf8"), /TracerPid:\t0\n/);
});

const confined = compiled("test/integration/serve/confined.c");

testIf(isTsrun && canCompile, "needs tsrun and gcc")(
  "a tsrun that has a filter of its own does not take that for the container's",
  () => {
    using box = started(CONFINED, "pause");
    const shell = (flags: readonly string[], ...args: string[]) =>
      runtime(["exec", ...flags, "--tools", tools, "--pid", String(box.pid()), ...args], {
        through: [confined, "seccomp"],
      });
    assert.match(
      complaint(shell([], "mkdir", "/dev/x")),
      /filter cannot be copied: tsrun runs with a filter of its own/,
    );
    succeeded(shell(["--no-seccomp"], "cat", "/proc/self/status"));
  },
);

testTsrun("--no-seccomp leaves the filter out", () => {
  using box = started({ args: ["sleep", "60"], linux: { seccomp: SECCOMP } });
  succeeded(runtime(["exec", "--no-seccomp", "--pid", String(box.pid()), "mkdir", "/tmp/x"]));
});

testTsrun("an ordinary user joins its own container by a process of it", () => {
  const id = uniqueId();
  silent(call(["run", "--detach", "--bundle", own({ args: ["sleep", "60"] }), id]));
  using _ = owned(id);
  const { pid } = JSON.parse(silent(call(["state", id])).stdout);
  const flags = ["--tools", tools, "--pid", String(pid)];
  const { stdout } = succeeded(
    call(["exec", ...flags, "sh", "-c", "/.tools/grep CapEff /proc/self/status /proc/1/status"]),
  );
  const [one, other] = stdout
    .trim()
    .split("\n")
    .map((line) => line.split("\t")[1]);
  assert.is(one, other);
  assert.match(complaint(call(["exec", "--pid", "1", "true"])), /--pid 1: EACCES .*run tsrun as root/);
});

testTsrun("a process of the host's own is refused: there is nothing to join", () => {
  const said = complaint(runtime(["exec", "--pid", String(process.pid), "true"]));
  assert.match(said, /is not a process of a container: it is in the host's namespaces/);
});

testTsrun("--pid takes the place of ID, also with a process from a file", () => {
  using box = started({ args: ["sleep", "60"] });
  const file = join(freshDirectory("process"), "process.json");
  writeFileSync(file, JSON.stringify({ args: ["cat", "/proc/1/comm"], cwd: "/", env: ["PATH=/bin"] }));
  const pid = ["--pid", String(box.pid())];
  assert.is(succeeded(runtime(["exec", ...pid, "--process", file])).stdout, "sleep\n");
  assert.match(complaint(runtime(["exec", ...pid])), /no command: give it after the id \(or --pid PID\)/);
});

testTsrun("a pid that no process has is refused", () => {
  assert.match(
    complaint(runtime(["exec", "--pid", "4194300", "true"])),
    /--pid 4194300: there is no such process/,
  );
});

leavesNothing();
test.run();
