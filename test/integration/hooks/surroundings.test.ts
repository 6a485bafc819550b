// Runs beside other files.
// Where a hook runs: its namespaces, ids and limits.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Bundle, bundle, capabilities, namespaces } from "../../harness/bundle.ts";
import { cgroup2Of } from "../../harness/cgroups.ts";
import { container, containerOf, inside } from "../../harness/container.ts";
import { freshDirectory, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { namespaceOf, parseStatus } from "../../harness/processes.ts";
import { KINDS, live, notebook, SLEEP, script, seenBy, withHooks } from "./scripts.ts";

for (const kind of ["prestart", "createRuntime", "poststart", "poststop"] as const) {
  test(`${kind} hooks run in the runtime's namespaces`, () => {
    const seen = seenBy(kind, "for n in mnt net pid uts ipc; do readlink /proc/self/ns/$n; done")
      .trim()
      .split("\n");
    assert.equal(
      seen,
      (["mnt", "net", "pid", "uts", "ipc"] as const).map((file) => namespaceOf("self", file)),
    );
  });
}

for (const kind of ["createContainer", "startContainer"] as const) {
  testTsrun(`${kind} hooks run in the container's namespaces and cgroup`, () => {
    const notes = notebook();
    const text =
      "{ for n in mnt net pid uts ipc; do readlink /proc/self/ns/$n; done; hostname; cat /proc/self/cgroup; } > $NOTES";
    using one = container(withHooks(notes, { [kind]: text }));
    one.create();
    one.start();
    const seen = notes.read().trim().split("\n");
    const pid = one.pid();
    assert.equal(
      seen.slice(0, 5),
      (["mnt", "net", "pid", "uts", "ipc"] as const).map((file) => namespaceOf(pid, file)),
    );
    assert.is(seen[5], "box");
    const own = seen.find((line) => line.startsWith("0::"));
    assert.ok(own !== undefined && cgroup2Of(pid).endsWith(own.slice(3)), `${own} for ${cgroup2Of(pid)}`);
  });
}

test("createContainer hooks are the host's programs, startContainer hooks the image's", () => {
  const notes = notebook();
  const own: Bundle = bundle(withHooks(notes, {}));
  const host = join(freshDirectory("hook"), "hook");
  writeFileSync(host, `#!/bin/sh\necho host >> ${notes.file}\n`, { mode: 0o755 });
  writeFileSync(join(own.rootfs, "hook"), "#!/bin/sh\necho image >> /home/notes\n", { mode: 0o755 });
  const hooks = { createContainer: [{ path: host }], startContainer: [{ path: "/hook" }] };
  writeFileSync(join(own.path, "config.json"), JSON.stringify({ ...own.config, hooks }));
  using one = containerOf(own, uniqueId());
  live(one);
  assert.is(notes.read(), "host\nimage\n");
});

test("hooks of create configure the container's network by its pid", () => {
  const pid = `$(sed 's/.*"pid": *\\([0-9]*\\).*/\\1/')`;
  const hook = script(`exec nsenter --net=/proc/${pid}/ns/net ip addr add 192.0.2.7/32 dev lo`);
  for (const kind of ["prestart", "createRuntime"] as const)
    assert.match(inside(["ip", "addr"], { hooks: { [kind]: [hook] } }), /192\.0\.2\.7\/32/, kind);
});

test("neither a new user namespace's root nor its createContainer hooks have groups of the caller's", () => {
  const mappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mappings, gidMappings: mappings };
  const notes = notebook();
  const pid = `$(sed 's/.*"pid": *\\([0-9]*\\).*/\\1/')`;
  const scripts = {
    createRuntime: `grep Groups /proc/${pid}/status > $NOTES; chmod 666 $NOTES`,
    createContainer: "grep Groups /proc/self/status >> $NOTES",
  };
  using one = container(withHooks(notes, scripts, { linux }));
  one.create({ through: ["setpriv", "--groups", "77,100078", "--"] });
  assert.is(notes.read().replaceAll(" ", ""), "Groups:\t\nGroups:\t\n");
});

test("createContainer hooks are root of a new user namespace", () => {
  const mappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mappings, gidMappings: mappings };
  const seen = seenBy("createContainer", "id -u; id -g; cat /proc/self/uid_map", { linux });
  assert.match(seen, /^0\n0\n +0 +100000 +65536\n$/);
});

test("startContainer hooks have the process's user, groups, capabilities and limits", () => {
  const text = seenBy("startContainer", "cat /proc/self/status; echo limits: $(ulimit -Sn) $(ulimit -Hn)", {
    process: {
      user: { uid: 1000, gid: 1001, additionalGids: [1002] },
      capabilities: capabilities(["CAP_CHOWN"]),
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 77, hard: 88 }],
      noNewPrivileges: true,
    },
  });
  const seen = parseStatus(text);
  assert.match(text, /^limits: 77 88$/m);
  assert.match(seen.get("Uid") ?? "", /^1000\t/);
  assert.match(seen.get("Gid") ?? "", /^1001\t/);
  assert.is(seen.get("Groups"), "1002");
  assert.is(seen.get("CapEff"), "0".repeat(16));
  assert.is(seen.get("CapBnd"), "0000000000000001");
  assert.is(seen.get("NoNewPrivs"), "1");
});

test("startContainer hooks have the process's personality and oomScoreAdj", () => {
  const seen = seenBy("startContainer", "uname -m; cat /proc/self/oom_score_adj", {
    process: { oomScoreAdj: 321 },
    linux: { personality: { domain: "LINUX32" } },
  });
  assert.match(seen, /^(i686|armv8l)\n321\n$/);
});

for (const kind of KINDS)
  test(`${kind} hooks lead a session of their own, with nothing open but their standard streams`, () => {
    // A built-in command: it tells of the hook itself. What ls lists with is its descriptor 3.
    const seen = seenBy(kind, "read -r stat < /proc/self/stat; echo $stat; ls /proc/self/fd");
    const [stat = "", ...open] = seen.trim().split("\n");
    const [pid, , , , group, session, terminal] = stat.split(" ");
    assert.equal([group, session, terminal], [pid, pid, "0"]);
    assert.equal(open, ["0", "1", "2", "3"]);
  });

test("startContainer hooks are under the container's seccomp filter", () => {
  const seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 95 }],
  };
  for (const noNewPrivileges of [true, false]) {
    const seen = seenBy(
      "startContainer",
      "mkdir /home/no 2>&1; grep -E '^Seccomp:|^CapEff' /proc/self/status",
      {
        process: { noNewPrivileges, capabilities: capabilities(["CAP_CHOWN"]) },
        linux: { seccomp },
      },
    );
    assert.match(seen, /not supported/);
    assert.match(seen, /^Seccomp:\t2$/m);
    assert.match(seen, /^CapEff:\t0000000000000001$/m);
  }
});

test("without a mount namespace startContainer hooks have the container's root, too", () => {
  const path = "/only-here/sh";
  const linux = { namespaces: namespaces({ mount: false }), maskedPaths: [], readonlyPaths: [] };
  const hooks = { startContainer: [{ path, args: ["sh", "-c", "test -x /only-here/sh"] }] };
  using one = container({ args: SLEEP, mounts: [], linux, hooks });
  mkdirSync(join(one.bundle.rootfs, "only-here"));
  copyFileSync(join(one.bundle.rootfs, "bin/busybox"), join(one.bundle.rootfs, path));
  one.create();
  one.start();
  assert.is(one.state().status, "running");
});

testTsrun("startContainer hooks start in process.cwd", () => {
  assert.is(seenBy("startContainer", "pwd", { process: { cwd: "/etc" } }), "/etc\n");
});

test("the hooks on the host start in the bundle", () => {
  for (const kind of ["prestart", "createRuntime", "poststart"] as const) {
    const notes = notebook();
    using one = container(withHooks(notes, { [kind]: "pwd > $NOTES" }));
    live(one);
    assert.is(notes.read(), `${one.bundle.path}\n`, kind);
  }
});

for (const kind of KINDS) {
  testTsrun(`a ${kind} hook has no descriptor but its standard streams`, () => {
    const text = "for fd in 0 1 2 3 4 5 6 7 8 9; do (: <&$fd) 2> /dev/null && echo $fd; done";
    const notes = notebook();
    const global = { descriptors: [0, 0, 0, 0, 0, 0, 0] };
    using one = container(withHooks(notes, { [kind]: `seen=$(${text}); echo $seen > $NOTES` }));
    one.create(global);
    one.start();
    one.delete("--force");
    assert.is(notes.read(), "0 1 2\n");
  });
}

testTsrun("a startContainer hook has the process's scheduler and I/O priority", () => {
  const process = {
    scheduler: { policy: "SCHED_BATCH", nice: 7 },
    ioPriority: { class: "IOPRIO_CLASS_BE", priority: 1 },
  };
  const seen = seenBy("startContainer", "cut -d ' ' -f 19,41 /proc/self/stat; ionice -p $$", { process });
  assert.is(seen, "7 3\nbest-effort: prio 1\n");
});

test("createContainer hooks have the container's OOM score, and no environment of the runtime's", () => {
  const notes = notebook();
  const read = "cat /proc/self/oom_score_adj; /usr/bin/env | grep TSRUN; true";
  const hook = { path: "/bin/sh", args: ["sh", "-c", `{ ${read}; } > ${notes.file}`] };
  using one = container({ args: SLEEP, process: { oomScoreAdj: 222 }, hooks: { createContainer: [hook] } });
  one.create();
  assert.is(notes.read(), "222\n");
});

leavesNothing();
test.run();
