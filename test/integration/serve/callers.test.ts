// Runs beside other files.
// Whom a tsrun server does commands for: nobody but who could do the same alone.
import { spawnSync } from "node:child_process";
import { chmodSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { namespaces } from "../../harness/bundle.ts";
import { compiled, testCompiled } from "../../harness/compile.ts";
import { container } from "../../harness/container.ts";
import { freshDirectory, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { mounted } from "../../harness/mount.ts";
import { AS_USER, call as asUser, GID, own, runtimeDirectory, UID } from "../../harness/ordinary-user.ts";
import { namespaceOf } from "../../harness/processes.ts";
import { runtime, silent, succeeded } from "../../harness/runtime.ts";
import { testIf } from "../../harness/skip.ts";
import { isWell, serving } from "./serving.ts";

/** Callers that stand otherwise than the server, and the reason that it gives. */
const OTHERS: readonly (readonly [string, readonly string[]])[] = [
  ["another user namespace", ["unshare", "--user", "--map-root-user"]],
  ["another mnt namespace", ["unshare", "--mount"]],
  ["another net namespace", ["unshare", "--net"]],
  ["another ipc namespace", ["unshare", "--ipc"]],
  ["another uts namespace", ["unshare", "--uts"]],
  ["another cgroup namespace", ["unshare", "--cgroup"]],
  ["another pid namespace", ["unshare", "--pid", "--fork"]],
  ["another pid_for_children namespace", ["unshare", "--pid"]],
  ["another time namespace", ["unshare", "--time", "--fork"]],
  ["another capabilities", ["setpriv", "--bounding-set", "-sys_boot", "--"]],
  ["another capabilities", ["setpriv", "--inh-caps", "+kill", "--"]],
  ["another capabilities", ["setpriv", "--inh-caps", "+kill", "--ambient-caps", "+kill", "--"]],
  ["another no_new_privs", ["setpriv", "--no-new-privs", "--"]],
];

for (const [reason, through] of OTHERS)
  testTsrun(`a caller is not served that has ${through.join(" ")}`, async () => {
    await using server = await serving();
    // Where it can't make a container alone either, it lists them.
    const listed = runtime(["list"], { ...server.call, through });
    if (reason !== "another pid namespace") assert.match(succeeded(listed).stdout, /^ID /);
    assert.equal(server.status().refused, { [reason]: 1 });
    assert.is(server.served(), 0);
    assert.ok(isWell(server));
  });
testTsrun("a caller is served that stands as the server does", async () => {
  await using server = await serving();
  assert.match(silent(runtime(["list"], server.call)).stdout, /^ID /);
  assert.equal([server.served(), server.status().refused], [1, {}]);
});

testTsrun("a caller with another root directory is not", async () => {
  await using server = await serving();
  const root = freshDirectory("root");
  using _ = mounted(root, "--rbind", "/");
  succeeded(runtime(["list"], { ...server.call, through: ["chroot", root] }));
  assert.equal(server.status().refused, { "another root directory": 1 });
});

for (const ids of [
  ["--ruid", "1"],
  ["--rgid", "1", "--keep-groups"],
])
  testTsrun(
    `a program with more rights than its caller does not even ask: setpriv ${ids.join(" ")}`,
    async () => {
      await using server = await serving();
      succeeded(runtime(["list"], { ...server.call, through: ["setpriv", ...ids, "--"] }));
      assert.equal([server.served(), server.status().refused], [0, {}]);
    },
  );

const confined = (how: string) => [compiled("test/integration/serve/confined.c"), how];

testCompiled("nor one with a seccomp filter", async () => {
  await using server = await serving();
  succeeded(runtime(["list"], { ...server.call, through: confined("seccomp") }));
  assert.equal(server.status().refused, { "another seccomp": 1 });
});

testCompiled("nor one with as many filters as the server, which may be others", async () => {
  await using server = await serving({ through: confined("seccomp") });
  succeeded(runtime(["list"], { ...server.call, through: confined("seccomp") }));
  assert.equal(server.status().refused, { "another seccomp": 1 });
});

const testLandlock = testIf(
  spawnSync("sh", ["-c", "grep -q landlock_create_ruleset /proc/kallsyms"]).status === 0,
  "the kernel has no Landlock",
);

testLandlock("nor one in a Landlock domain, which nothing in /proc shows", async () => {
  await using server = await serving();
  succeeded(runtime(["list"], { ...server.call, through: confined("landlock") }));
  assert.equal(server.status().refused, { "may not trace the server": 1 });
});

testTsrun("a container of who is not served is in the namespaces of that caller", async () => {
  await using server = await serving();
  using box = container({
    args: ["readlink", "/proc/self/ns/uts"],
    linux: { namespaces: namespaces({ uts: false }) },
    hostname: undefined,
  });
  const through = ["unshare", "--uts", "sh", "-c", 'readlink /proc/self/ns/uts; exec "$@"', "sh"];
  const { stdout } = succeeded(
    runtime(["run", "--bundle", box.bundle.path, box.id], { ...server.call, through }),
  );
  const [callers, containers] = stdout.trim().split("\n");
  assert.is(containers, callers);
  assert.is.not(callers, namespaceOf("self", "uts"));
  assert.equal(server.status().refused, { "another uts namespace": 1 });
});

testTsrun("nobody but its user may connect to its socket, whatever the umask is", async () => {
  await using server = await serving({ through: ["sh", "-c", 'umask 0; exec "$@"', "sh"] });
  assert.is(statSync(server.socket).mode & 0o777, 0o600);
});

testTsrun("nor does it matter if another may: that one is told apart when it connects", async () => {
  await using server = await serving();
  chmodSync(server.socket, 0o777);
  const { stderr } = asUser(["list"], { env: { TSRUN_SERVE: server.socket } });
  assert.is(stderr, "");
  assert.equal([server.served(), server.status().refused], [0, {}]); // the caller has not asked: that is root's
});

testTsrun("a user's is for that user, with the same groups", async () => {
  const socket = join(runtimeDirectory, "socket");
  const as = ["setpriv", "--reuid", String(UID), "--regid", String(GID)];
  await using server = await serving({
    socket,
    through: [...as, "--clear-groups", "--"],
    env: { XDG_RUNTIME_DIR: runtimeDirectory },
  });
  const call = (...groups: string[]) =>
    runtime(["list"], { ...server.call, root: null, through: [...as, ...groups, "--"] });
  silent(call("--clear-groups"));
  silent(call("--groups", "7"));
  silent(runtime(["list"], server.call));
  assert.equal([server.served(), server.status().refused], [1, { "another groups": 1 }]);
});

testTsrun("a user's server makes that user's containers", async () => {
  const socket = join(runtimeDirectory, "making");
  const env = { XDG_RUNTIME_DIR: runtimeDirectory };
  await using server = await serving({ socket, through: AS_USER, env });
  const path = own({ args: ["id", "-u"] });
  assert.is(silent(asUser(["run", "--bundle", path, uniqueId()], server.call)).stdout, "0\n");
  assert.equal([server.served(), server.status().refused], [1, {}]);
});

leavesNothing();
test.run();
