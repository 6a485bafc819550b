// Runs beside other files.
import { spawnSync } from "node:child_process";
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, type JsonObject } from "../harness/bundle.ts";
import { cgroup2Mount, removeCgroups } from "../harness/cgroups.ts";
import { testTsrun, uniqueId } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { command } from "../harness/mount.ts";
import { mountAt, parseMounts } from "../harness/mountinfo.ts";
import {
  AS_USER,
  call,
  GID,
  home,
  knowing,
  own,
  owned,
  ran,
  runtimeDirectory,
  UID,
} from "../harness/ordinary-user.ts";
import { byCopy, complaint, invocation, runtime, silent, succeeded } from "../harness/runtime.ts";
import { testIf } from "../harness/skip.ts";
import { programAtTerminal } from "../harness/terminal.ts";
import { bind, directoryWithMount, PROC } from "../harness/volumes.ts";
import { waitUntil } from "../harness/wait.ts";
import type { FoundInBundle } from "./check/checked.ts";

const script = (text: string) => ["sh", "-c", text];

test("an ordinary user is root of a container, and nobody else's", () => {
  const { stdout } = succeeded(ran({ args: script("id -u; id -g; cat /proc/self/uid_map; ps | wc -l") }));
  assert.match(stdout, new RegExp(`^0\\n0\\n +0 +${UID} +1\\n`));
});

test("the container is isolated as far as its user may: mounts, pids, host name; its /sys is read-only", () => {
  const text = "hostname; ls /proc | grep -c '^[0-9]'; grep -c ' /sys[/ ].* rw,' /proc/self/mounts; touch /x";
  const { stdout, stderr } = ran({ args: script(text) });
  assert.match(stdout, /^tsrun\n\d\n0\n/);
  assert.match(stderr, /Read-only/);
});

testTsrun("an ordinary user has the output of a container in the background, and reads it", async () => {
  const id = uniqueId();
  const output = join(runtimeDirectory, `${id}.log`);
  const path = own({ args: script("echo out; echo again >>/dev/stdout") });
  silent(call(["run", "--detach", "--output", output, "--bundle", path, id]));
  await waitUntil(() => /"stopped"/.test(call(["state", id]).stdout), "it has ended");
  assert.is(silent(call(["logs", id])).stdout, "out\nagain\n");
  assert.equal([statSync(output).uid, statSync(output).mode & 0o777], [UID, 0o600]);
  silent(call(["delete", id]));
});

testTsrun("without a cgroup of its own it sees the host's where a mount asks for them, read-only", () => {
  const path = own({ args: script("cat /tmp/cgroups/cgroup.controllers; touch /tmp/cgroups/x") });
  const file = join(path, "config.json");
  const config = JSON.parse(readFileSync(file, "utf8"));
  const tmpfs = { destination: "/tmp", type: "tmpfs", source: "tmpfs" };
  const cgroups = { destination: "/tmp/cgroups", type: "cgroup", source: "cgroup", options: ["ro"] };
  writeFileSync(file, JSON.stringify({ ...config, mounts: [...config.mounts, tmpfs, cgroups] }));
  const { stdout, stderr } = call(["run", "--bundle", path, uniqueId()]);
  assert.match(stderr, /Read-only/);
  assert.is(stdout, readFileSync(join(cgroup2Mount(), "cgroup.controllers"), "utf8"));
});

testTsrun(
  "--dry-run shows an ordinary user what that user may do: maps itself, and makes no cgroup elsewhere",
  () => {
    const { stdout } = succeeded(
      call(["create", "--dry-run", "--bundle", own({ args: ["true"] }), uniqueId()]),
    );
    assert.not.match(stdout, /^# tsrun: config\.json: linux\.(cgroupsPath|resources\.devices)/m);
    assert.match(
      stdout,
      /^# tsrun: config\.json: linux\.gidMappings\nwrite\(<\/proc\/INIT\/setgroups>, "deny", 4\)\nwrite\(<\/proc\/INIT\/gid_map>/m,
    );
  },
);

test("a container without a cgroupsPath is paused where its user has the cgroup that it is called in", async () => {
  const path = join(cgroup2Mount(), uniqueId());
  mkdirSync(join(path, "shell"), { recursive: true });
  for (const file of ["", "cgroup.procs", "shell/cgroup.procs"]) chownSync(join(path, file), UID, GID);
  const through = ["sh", "-c", `echo $$ >${path}/shell/cgroup.procs && exec "$@"`, "sh"];
  try {
    using box = owned(uniqueId());
    silent(call(["create", "--bundle", own({ args: ["sleep", "60"] }), box.id], { through }));
    silent(call(["pause", box.id], { through }));
    assert.match(readFileSync(join(path, box.id, "cgroup.events"), "utf8"), /^frozen 1$/m);
    silent(call(["resume", box.id], { through }));
  } finally {
    await removeCgroups(path);
  }
});

testTsrun("a flag of the host's mount that a bind is to lose is refused with a way out", () => {
  using volume = directoryWithMount("private");
  command("mount", "-o", "remount,bind,noexec", volume.path);
  const dev = { destination: "/dev", type: "tmpfs", source: "tmpfs" };
  const bound = (...options: string[]) =>
    ran({ args: ["true"], more: { mounts: [PROC, dev, bind(volume.path, "/sys", ...options)] } });
  succeeded(bound("rw", "nodev"));
  assert.match(complaint(bound("exec")), /mounts\[2\].*EPERM.*leave out the option/);
});

testTsrun("check honours the bundle of an ordinary user that runs, and names what needs a cgroup", () => {
  const check = (linux: JsonObject) => {
    const bundle = own({ args: ["true"], linux });
    const { stdout, stderr } = call(["check", "--json", "--bundle", bundle]);
    assert.is(stderr, "");
    return JSON.parse(stdout) as FoundInBundle; // what check prints
  };
  assert.equal(check({}).obstacles, []);
  assert.is(check({}).honoured, true);
  const { obstacles } = check({ cgroupsPath: "/nobodys" });
  assert.equal(
    obstacles.map(({ path, feature }) => `${path} ${feature}`),
    ["linux.cgroupsPath cgroup.create", "linux.cgroupsPath cgroup.clone-into"],
  );
});

testTsrun("the state is below $XDG_RUNTIME_DIR, for the user alone, and safe from being cleaned up", () => {
  using box = owned(uniqueId());
  silent(call(["create", "--bundle", own({ args: ["sleep", "60"] }), box.id]));
  assert.ok(existsSync(join(runtimeDirectory, "tsrun", box.id)));
  const { stdout } = spawnSync("stat", ["-c", "%a", join(runtimeDirectory, "tsrun")], { encoding: "utf8" });
  assert.is(stdout, "1700\n");
});

test("create, exec, start, exec, list, ps, kill, delete: all that root does", async () => {
  const id = uniqueId();
  using box = owned(id);
  silent(call(["create", "--bundle", own({ args: ["sleep", "60"] }), id]));
  assert.is(JSON.parse(silent(call(["state", id])).stdout).status, "created");
  assert.is(silent(call(["exec", id, "id", "-u"])).stdout, "0\n");
  silent(call(["start", id]));
  assert.match(silent(call(["exec", id, "ps"])).stdout, /^ +1 root +sleep 60$/m);
  assert.match(silent(call(["list", "--quiet"])).stdout, new RegExp(`^${id}$`, "m"));
  const { pid } = JSON.parse(silent(call(["state", id])).stdout);
  assert.equal(JSON.parse(silent(call(["ps", "--format", "json", id])).stdout), [pid]);
  silent(call(["kill", "--all", id, "KILL"]));
  await waitUntil(() => JSON.parse(call(["state", id]).stdout).status === "stopped", "it is stopped");
  silent(call(["delete", box.id]));
});

testTsrun("exec with a terminal has nothing of the host any more when others could look in", async () => {
  using box = owned(uniqueId());
  silent(call(["run", "--detach", "--bundle", own({ args: ["sleep", "60"] }), box.id]));
  const log = join(home, "exec.log");
  const { file, argv, options } = invocation(["exec", "--tty", box.id, "true"], {
    ...{ root: null, global: ["--debug", "--log", log], through: AS_USER, cwd: home },
    env: { XDG_RUNTIME_DIR: runtimeDirectory },
  });
  await using terminal = programAtTerminal([file, ...argv], options);
  assert.is(await terminal.ended(), 0);
  const steps = readFileSync(log, "utf8");
  const closed = steps.indexOf(" close_range(3, ");
  const dumpable = steps.indexOf(" prctl(PR_SET_DUMPABLE, 1)");
  assert.ok(closed > 0 && dumpable > closed, steps);
  const [since = "", after] = steps.slice(dumpable).split(" prctl(PR_SET_DUMPABLE, 0)");
  assert.ok(after !== undefined && !/setresuid|process\.cwd/.test(since), since); // not for longer than it takes
});

test("a started container is created with its descriptors closed, and exits with its status", () => {
  const outcome = ran({ args: script("ls /proc/self/fd | tr '\\n' ' '; exit 7") });
  assert.is(outcome.stdout, "0 1 2 3 ");
  assert.is(outcome.status, 7);
});

test("a pod of an ordinary user: a workload joins the sandbox's namespaces, its user namespace first", () => {
  using sandbox = owned(uniqueId());
  const linux = JSON.parse(readFileSync(join(own({ args: [] }), "config.json"), "utf8")).linux;
  const namespaces = [...linux.namespaces, { type: "network" }];
  silent(
    call(["run", "--detach", "--bundle", own({ args: ["sleep", "60"], linux: { namespaces } }), sandbox.id]),
  );
  const { pid } = JSON.parse(silent(call(["state", sandbox.id])).stdout);
  const joined = Object.entries({ user: "user", network: "net", ipc: "ipc", uts: "uts", pid: "pid" });
  const shared = [
    ...joined.map(([type, file]) => ({ type, path: `/proc/${pid}/ns/${file}` })),
    { type: "mount" },
  ];
  const changes = {
    args: script("readlink /proc/self/ns/net; ps | grep -c sleep"),
    linux: { namespaces: shared, uidMappings: [], gidMappings: [] },
    more: { hostname: undefined as never },
  };
  const { stdout } = succeeded(ran(changes));
  const net = spawnSync("readlink", [`/proc/${pid}/ns/net`], { encoding: "utf8" }).stdout;
  assert.match(stdout, new RegExp(`^${net.trim().replaceAll(/[[\]]/g, "\\$&")}\n[1-9]`));
});

test("hooks run as the user, and in the container as its root", () => {
  const seen = join(home, "seen");
  const hook = (text: string) => ({ path: "/bin/sh", args: ["sh", "-c", text], env: ["PATH=/usr/bin:/bin"] });
  const hooks = {
    createRuntime: [hook(`id -u >${seen}`)],
    createContainer: [hook("test $(id -u) = 0")],
    startContainer: [hook("test $(id -u) = 0")],
    poststop: [hook(`echo gone >>${seen}`)],
  };
  succeeded(ran({ args: ["true"], more: { hooks } }));
  assert.is(readFileSync(seen, "utf8"), `${UID}\ngone\n`);
});

test("oomScoreAdj that the user may not lower stays, and the log tells", () => {
  const log = join(home, "log");
  const changes = { args: ["cat", "/proc/self/oom_score_adj"], process: { oomScoreAdj: -500 } };
  assert.is(succeeded(ran(changes, { global: ["--log", log] })).stdout, "0\n");
  assert.match(readFileSync(log, "utf8"), /process\.oomScoreAdj: stays as it is/);
});

// Refusals

for (const [title, changes, said] of [
  [
    "without a user namespace",
    {
      linux: {
        namespaces: [{ type: "pid" }, { type: "uts" }, { type: "mount" }],
        uidMappings: [],
        gidMappings: [],
      },
    },
    /linux\.namespaces: an ordinary user's containers need a user namespace: add .*spec --rootless/,
  ],
  [
    "with a limit, and no permission for a cgroup",
    { linux: { resources: { hugepageLimits: [{ pageSize: "2MB", limit: 0 }] } } },
    /linux\.resources\.hugepageLimits\[0\]\.limit: limits need a cgroup, and there is no permission/,
  ],
  [
    "with a cgroupsPath that it may not make",
    { linux: { cgroupsPath: "/tsrun-of-nobody/x" } },
    /linux\.cgroupsPath: there is no permission to make the cgroup .*tsrun-of-nobody/,
  ],
  [
    "with additional groups that it cannot have",
    { process: { user: { uid: 0, gid: 0, additionalGids: [0] } } },
    /process\.user\.additionalGids.*EPERM.*newgidmap/,
  ],
] as const) {
  testTsrun(`a container ${title} is refused, and nothing is left`, () => {
    const outcome = ran({ args: ["true"], ...changes });
    assert.match(complaint(outcome), said);
    assert.equal(readdirSync(join(runtimeDirectory, "tsrun")), []);
  });
}

testTsrun("without XDG_RUNTIME_DIR the user is told what to do", () => {
  const outcome = call(["list"], { env: { XDG_RUNTIME_DIR: "" } });
  assert.match(
    complaint(outcome),
    /XDG_RUNTIME_DIR, which is not set: set it, use --root, or run tsrun as root/,
  );
});

testTsrun("what needs a cgroup says that there is none", () => {
  using box = owned(uniqueId());
  silent(call(["run", "--detach", "--bundle", own({ args: ["sleep", "60"] }), box.id]));
  for (const args of [
    ["pause", box.id],
    ["events", "--stats", box.id],
    ["update", "--pids-limit", "5", box.id],
  ])
    assert.match(complaint(call(args)), /it has no cgroup/);
});

// Ranges of ids

const hasHelpers = ["newuidmap", "newgidmap"].every((name) => existsSync(`/usr/bin/${name}`));
const testRanges = testIf(hasHelpers, "needs newuidmap and newgidmap");

const range = (id: number) => [
  { containerID: 0, hostID: id, size: 1 },
  { containerID: 1, hostID: 600_000, size: 1000 },
];
const RANGES = { uidMappings: range(UID), gidMappings: range(GID) };

testRanges("ranges of /etc/subuid and /etc/subgid are mapped by newuidmap and newgidmap", () => {
  const user = { uid: 5, gid: 6, additionalGids: [7] };
  const args = script("id -u; id -G; cat /proc/self/uid_map | tr -s ' '");
  const { stdout } = succeeded(
    ran({ args, process: { user }, linux: RANGES }, { through: knowing("tsrun-test:600000:1000\n") }),
  );
  assert.is(stdout, `5\n6 7\n 0 ${UID} 1\n 1 600000 1000\n`);
});

testRanges("a range that /etc/subuid does not grant is refused with the line that would", () => {
  const outcome = ran({ args: ["true"], linux: RANGES }, { through: knowing("somebody:600000:1000\n") });
  assert.match(
    complaint(outcome),
    /linux\.gidMappings: newgidmap refuses to map .*\/etc\/subgid has no line for you, such as tsrun-test:100000:65536/,
  );
  assert.equal(readdirSync(join(runtimeDirectory, "tsrun")), []);
});

// Root of a user namespace, as rootless podman calls

const MAPPED = [...AS_USER, "unshare", "--user", "--map-root-user", "--mount", "env"];

// Rootless podman hands on no $USER.
for (const user of ["USER=somebody", "--unset=USER"]) {
  test(`root of a user namespace that it lives in runs containers without another (${user})`, () => {
    const namespaces = ["pid", "ipc", "uts", "mount"].map((type) => ({ type }));
    const path = own({
      args: script("id -u; cat /proc/self/uid_map | tr -s ' '; ls /dev/null"),
      linux: { namespaces, uidMappings: [], gidMappings: [] },
    });
    const how = {
      root: null,
      env: { XDG_RUNTIME_DIR: runtimeDirectory },
      through: [...MAPPED, user, ...byCopy()],
    };
    const { stdout } = succeeded(runtime(["run", "--bundle", path, uniqueId()], how));
    assert.is(stdout, `0\n 0 ${UID} 1\n/dev/null\n`);
  });
}

test("such a root's pod has sysfs and message queues of the namespaces that it shares", () => {
  const shared = ["ipc", "network"].map((type) => ({ type, path: `/proc/self/ns/${type.slice(0, 3)}` }));
  const namespaces = [...["pid", "uts", "mount"].map((type) => ({ type })), ...shared];
  const filesystem = (type: string, destination: string) => ({ type, source: type, destination });
  const mounts = [
    ...[filesystem("proc", "/proc"), filesystem("tmpfs", "/dev"), filesystem("sysfs", "/sys")],
    filesystem("mqueue", "/dev/mqueue"),
  ];
  const path = own({
    args: ["cat", "/proc/self/mountinfo"],
    linux: { namespaces, uidMappings: [], gidMappings: [], maskedPaths: [], readonlyPaths: [] },
    more: { mounts, root: { path: bundle().rootfs } },
  });
  const through = [...MAPPED.slice(0, -1), "--ipc", "--net", "env", "--unset=USER", ...byCopy()];
  const how = { root: null, env: { XDG_RUNTIME_DIR: runtimeDirectory }, through };
  const table = parseMounts(succeeded(runtime(["run", "--bundle", path, uniqueId()], how)).stdout);
  // Else it is the host's, made read-only.
  assert.ok(mountAt(table, "/sys").options.includes("rw"));
  assert.is(mountAt(table, "/dev/mqueue").fsType, "mqueue");
});

testTsrun("without XDG_RUNTIME_DIR such a root has the directory of root", () => {
  const through = [...MAPPED, "--unset=USER", "--unset=XDG_RUNTIME_DIR"];
  const said = complaint(runtime(["state", uniqueId()], { root: null, through }));
  assert.not.match(said, /XDG_RUNTIME_DIR/);
});

testTsrun("nothing of all this is left in the user's directory", () => {
  assert.equal(readdirSync(join(runtimeDirectory, "tsrun")), []);
});

test("a user's container is verified by that user", () => {
  using box = owned(uniqueId());
  const more = { hostname: "own" };
  const linux = { sysctl: { "kernel.shmmax": "65536" } };
  silent(call(["run", "--detach", "--bundle", own({ args: ["sleep", "600"], linux, more }), box.id]));
  const { stdout, stderr, status } = call(["verify", box.id]);
  assert.match(`${stdout}${stderr}`, /^\d+ as asked, 0 different\n$/);
  assert.is(status, 0);
});

leavesNothing();
test.run();
