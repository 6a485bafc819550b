// Runs beside other files.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, namespaces, type Patch } from "../../harness/bundle.ts";
import { cgroup2Controllers } from "../../harness/cgroups.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint, runtime } from "../../harness/runtime.ts";
import { testIf } from "../../harness/skip.ts";
import { checkedAsRoot, ofBundle, row, without } from "./checked.ts";
import { parseTap } from "./tap.ts";

testTsrun("a bundle that can be honoured is told so, with status 0", () => {
  const { honoured, obstacles, outcome } = ofBundle({});
  assert.equal(obstacles, []);
  assert.is(honoured, true);
  assert.is(outcome.status, 0);
});

testTsrun("a sysctl of a user namespace is tried in a new one", () => {
  const mapping = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const own = { namespaces: namespaces({ user: true }), uidMappings: mapping, gidMappings: mapping };
  const { obstacles } = ofBundle({ linux: { ...own, sysctl: { "user.max_net_namespaces": "7" } } });
  assert.equal(obstacles, []);
});

testTsrun(
  "an owner of a mount whom the user namespace doesn't know is an obstacle; run says what to write",
  () => {
    const mapping = [{ containerID: 0, hostID: 100000, size: 1 }];
    const mounts = [
      { destination: "/tmp", type: "tmpfs", source: "tmpfs", options: ["uid=0", "gid=0"] },
      { destination: "/run", type: "tmpfs", source: "tmpfs", options: ["uid=1"] },
      { destination: "/mnt", type: "devpts", source: "devpts", options: ["newinstance", "gid=5"] },
    ];
    const linux = { namespaces: namespaces({ user: true }), uidMappings: mapping, gidMappings: mapping };
    const why = (type: string, option: string) =>
      `${type} with ${option}: forbidden: its user namespace has no such id: leave ${option} out, or map it`;
    assert.equal(
      ofBundle({ mounts, linux }).obstacles.map((one) => [one.path, one.why]),
      [
        ["mounts[1].options", why("tmpfs", "uid=1")],
        ["mounts[2].options", why("devpts", "gid=5")],
      ],
    );
    const said = complaint(runtime(["run", "--bundle", bundle({ mounts, linux }).path, "unmapped-owner"]));
    assert.match(said, /fsconfig "uid" "1": EINVAL .*it must be a number that the user namespace maps/);
    assert.equal(ofBundle({ mounts }).obstacles, []);
  },
);

const IMPOSSIBLE: Patch = {
  mounts: [{ destination: "/x", type: "no-such-fs", source: "none" }],
  linux: { sysctl: { "net.no_such": "1", "kernel.shmmax": "4096" } },
};

/** A bundle whose config.json has a line for each value. */
function bundleInLines(patch: Patch) {
  const one = bundle(patch);
  const file = join(one.path, "config.json");
  writeFileSync(file, JSON.stringify(JSON.parse(readFileSync(file, "utf8")), null, 2));
  return one;
}

testTsrun("a bundle's table with --all has all that was tried, and its page too", () => {
  const { path } = bundle(IMPOSSIBLE);
  const { features, obstacles } = ofBundle(IMPOSSIBLE);
  const flat = (text: string) => text.replace(/\s+/g, " ");
  const all = flat(runtime(["check", "--all", "--bundle", path]).stdout);
  for (const { title } of features) assert.ok(all.includes(title), title);
  const { stdout, status } = runtime(["check", "--html", "--bundle", path]);
  assert.is(status, 1);
  assert.match(stdout, "<h1>This host cannot honour the bundle.</h1>");
  for (const { name } of features) assert.ok(stdout.includes(`>${name}</code>`), name);
  for (const one of obstacles) assert.ok(stdout.includes(`<td class="line">line ${one.line}</td>`), one.path);
});

testTsrun("what of a bundle cannot be honoured is named, with its line", () => {
  const one = bundleInLines(IMPOSSIBLE);
  const { stdout, stderr, status } = runtime(["check", "--bundle", one.path]);
  assert.is(stderr, "");
  assert.is(status, 1);
  const lines = readFileSync(join(one.path, "config.json"), "utf8").split("\n");
  const found = [...stdout.matchAll(/config\.json:(\d+): (.*)$/gm)].map(([, line, what]) => [
    lines[Number(line) - 1],
    what,
  ]);
  assert.is(found.length, 2, stdout);
  const [mount, sysctl] = found;
  assert.match(mount?.[1] ?? "", 'mounts[0]: no-such-fs file system: missing: fsopen "no-such-fs": ENODEV');
  assert.is(mount?.[0]?.trim(), "{");
  assert.match(
    sysctl?.[1] ?? "",
    'linux.sysctl["net.no_such"]: net.no_such: missing: openat2 "sys/net/no_such": ENOENT',
  );
  assert.match(sysctl?.[0] ?? "", '"net.no_such": "1"');
  assert.match(stdout, /This host cannot honour the bundle\.\n$/);
});

testTsrun("what of a bundle no host knows is warned of, with its line and the nearest name", () => {
  const one = bundleInLines({ linux: { maskedPath: [] } });
  const { stdout } = runtime(["check", "--bundle", one.path]);
  const lines = readFileSync(join(one.path, "config.json"), "utf8").split("\n");
  const [, line, what] = /^warning: .*config\.json:(\d+): (.*)$/m.exec(stdout) ?? [];
  assert.is(what, "linux.maskedPath: is not known, and ignored (did you mean maskedPaths?)");
  assert.match(lines[Number(line) - 1] ?? "", '"maskedPath"');
  const { warnings } = JSON.parse(runtime(["check", "--bundle", one.path, "--json"]).stdout);
  assert.equal(warnings, [{ path: "linux.maskedPath", line: Number(line), why: what?.split(": ")[1] }]);
  assert.match(
    runtime(["check", "--bundle", one.path, "--format", "tap"]).stdout,
    /^# config\.json:\d+: linux\.maskedPath: is not known/m,
  );
});

testTsrun("a bundle's TAP has the lines that cannot be honoured in its failed points", () => {
  const { path } = bundle(IMPOSSIBLE);
  const points = parseTap(runtime(["check", "--bundle", path, "--format", "tap"]).stdout);
  const failed = points.filter(({ ok }) => !ok);
  assert.equal(
    failed.map(({ name }) => name),
    ["filesystem.no-such-fs", "sysctl.net.no_such"],
  );
  assert.match(String(failed[0]?.diagnostics["config"]), /^config\.json:\d+: mounts\[0\]$/);
});

testTsrun("only what a bundle needs is tried", () => {
  const { features } = ofBundle({});
  assert.not(features.some(({ name }) => name === "namespace.time" || name === "filesystem.overlay"));
  assert.ok(features.some(({ name }) => name === "pivot_root"));
});

testTsrun("a capability that tsrun lacks itself is an obstacle in each list that names it", () => {
  const capabilities = {
    bounding: ["CAP_KILL", "CAP_SYS_NICE"],
    permitted: ["CAP_SYS_NICE"],
    effective: [],
  };
  const { obstacles } = ofBundle({ process: { capabilities } }, without("sys_nice"));
  assert.equal(
    obstacles.map(({ path, feature }) => `${path} ${feature}`),
    [
      "process.capabilities.bounding[1] capability.CAP_SYS_NICE",
      "process.capabilities.permitted[0] capability.CAP_SYS_NICE",
    ],
  );
});

testTsrun("limits above the caller's own are obstacles, others are none", () => {
  const rlimits = [
    { type: "RLIMIT_NOFILE", soft: 10, hard: 20 },
    { type: "RLIMIT_CORE", soft: 10, hard: 20 },
  ];
  const call = without("sys_resource");
  const limited = { through: ["prlimit", "--core=5:15", ...(call.through ?? [])] };
  const { obstacles } = ofBundle({ process: { rlimits } }, limited);
  assert.equal(
    obstacles.map(({ path }) => path),
    ["process.rlimits[1]"],
  );
});

testTsrun("an id-mapped mount is tried with the source that the bundle gives it", () => {
  const mappings = [{ containerID: 0, hostID: 1000, size: 10 }];
  const mapped = (source: string) => ({
    ...{ destination: "/x", type: "bind", source, options: ["bind"] },
    ...{ uidMappings: mappings, gidMappings: mappings },
  });
  const { obstacles } = ofBundle({ mounts: [mapped("rootfs"), mapped("/proc/self")] });
  const one = obstacles.find(({ path }) => path === "mounts[1]");
  assert.match(one?.why ?? "", 'id-mapped mount on /x: missing: mount_setattr "proc of /proc/self": EINVAL');
  const tmpfs = row(checkedAsRoot(), "id-mapped.tmpfs").state === "works"; // what test files have their bundles on
  assert.is(
    obstacles.some(({ path }) => path === "mounts[0]"),
    !tmpfs,
  );
});

testTsrun("a bundle's cgroup mount needs no cgroup v1", () => {
  const mounts = [{ destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" }];
  const { features } = ofBundle({ mounts });
  assert.ok(features.some(({ name }) => name === "filesystem.cgroup2"));
  assert.not(features.some(({ name }) => name === "filesystem.cgroup"));
});

testTsrun("limits that only cgroup v1 has are obstacles beside the others", () => {
  const resources = { cpu: { realtimeRuntime: 5 }, network: { classID: 1 } };
  const { obstacles } = ofBundle({ linux: { resources } });
  assert.equal(
    obstacles.map(({ path }) => path),
    ["linux.resources.cpu.realtimeRuntime", "linux.resources.network.classID"],
  );
});

testIf(!cgroup2Controllers().has("memory"), "needs a machine whose cgroup v2 has no controller memory")(
  "limits whose controllers are bound to cgroup v1 are obstacles",
  () => {
    const { obstacles } = ofBundle({ linux: { resources: { memory: { limit: 2 ** 26 } } } });
    const memory = obstacles.find(({ path }) => path === "linux.resources.memory.limit");
    assert.is(memory?.feature, "cgroup.controller.memory");
    assert.match(memory?.why ?? "", /mounted as cgroup v1 at \/|the kernel lacks it/);
  },
);

testTsrun("a config that is wrong is told as by validate", () => {
  const said = complaint(runtime(["check", "--bundle", bundle({ process: { cwd: "tmp" } }).path]));
  assert.match(said, /^tsrun: error: config\.json: process\.cwd: must be absolute/);
});

leavesNothing();
test.run();
