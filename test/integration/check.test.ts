// Runs beside other files.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ERRNO, type ErrnoName } from "../../src/kernel/errno.ts";
import { type SyscallName, syscallNumber } from "../../src/kernel/syscall-numbers.ts";
import { bundle, type Patch } from "../harness/bundle.ts";
import { cgroup2Controllers, cgroup2Mount } from "../harness/cgroups.ts";
import { compiled, testCompiled } from "../harness/compile.ts";
import { freshDirectory, runtimePath, testTsrun } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { command, mounted } from "../harness/mount.ts";
import { type Call, complaint, type Outcome, runtime, silent, startRuntime } from "../harness/runtime.ts";
import { testIf } from "../harness/skip.ts";
import { slowness } from "../harness/slowness.ts";
import { waitUntil } from "../harness/wait.ts";
import { parseTap } from "./check/tap.ts";

/** A feature in what `check --json` prints. */
interface Row {
  readonly area: string;
  readonly name: string;
  readonly title: string;
  readonly state: string;
  readonly note?: string;
  readonly why?: string;
  readonly syscall?: string;
  readonly errno?: string;
  readonly config: readonly string[];
}

interface Found {
  readonly host: { readonly kernel: string; readonly architecture: string; readonly uid: number };
  readonly containers: boolean;
  readonly lacking: readonly string[];
  readonly features: readonly Row[];
}

interface FoundInBundle {
  readonly honoured: boolean;
  readonly obstacles: readonly {
    readonly path: string;
    readonly line: number;
    readonly why: string;
    readonly feature: string | null;
  }[];
  readonly features: readonly Row[];
}

/** `check --json`: what it printed and how it ended. */
function checked(call: Call = {}): Found & { readonly status: number | null } {
  const outcome = runtime(["check", "--json"], call);
  assert.is(outcome.stderr, "");
  return { ...(JSON.parse(outcome.stdout) as Found), status: outcome.status }; // what check prints
}

let asRoot: ReturnType<typeof checked> | undefined;

/** The same as root with all that the machine gives, which is found out once. */
function checkedAsRoot(): ReturnType<typeof checked> {
  asRoot ??= checked();
  return asRoot;
}

function row(found: Found, name: string): Row {
  const one = found.features.find((feature) => feature.name === name);
  if (one === undefined) throw new Error(`check knows no ${name}`);
  return one;
}

/** `forbidden unshare EPERM`. */
function verdict(found: Found, name: string): string {
  const { state, syscall, errno } = row(found, name);
  return [state, syscall, errno].filter((word) => word !== undefined).join(" ");
}

function ofBundle(patch: Patch, call: Call = {}): FoundInBundle & { readonly outcome: Outcome } {
  const outcome = runtime(["check", "--json", "--bundle", bundle(patch).path], call);
  assert.is(outcome.stderr, "");
  return { ...(JSON.parse(outcome.stdout) as FoundInBundle), outcome }; // what check prints
}

/** Without this capability, which no execve(2) gives back. */
const without = (...capabilities: readonly string[]): Call => {
  const list = capabilities.map((name) => `-${name}`).join(",");
  return { through: ["setpriv", "--inh-caps", list, "--bounding-set", list] };
};

const REFUSE = compiled("test/integration/check/refuse.c");

function refusing(errno: ErrnoName, ...calls: readonly SyscallName[]): Call {
  const numbers = calls.map((name) => syscallNumber(name)).join(",");
  return { through: [REFUSE, String(ERRNO[errno]), numbers] };
}

/** The cgroups of checks, whoever made them. */
const trialCgroups = () => readdirSync(cgroup2Mount()).filter((name) => name.startsWith("tsrun-check-"));

testTsrun("a machine on which containers run is told so, with status 0", () => {
  const found = checkedAsRoot();
  assert.equal(found.lacking, []);
  assert.is(found.containers, true);
  assert.is(found.status, 0);
});

testTsrun("the machine is named", () => {
  const { host } = checkedAsRoot();
  assert.is(host.kernel, readFileSync("/proc/sys/kernel/osrelease", "utf8").trim());
  assert.is(host.uid, 0);
});

testTsrun("every feature is in one of four states, and says why when it doesn't work", () => {
  const { features } = checkedAsRoot();
  assert.ok(features.length > 100, `only ${features.length} features`);
  assert.is(new Set(features.map(({ name }) => name)).size, features.length);
  for (const one of features) {
    assert.ok(["works", "missing", "forbidden", "skipped"].includes(one.state), JSON.stringify(one));
    assert.is(one.state === "works", one.why === undefined, JSON.stringify(one));
    assert.is(one.syscall === undefined, one.errno === undefined, JSON.stringify(one));
    for (const text of [one.area, one.name, one.title]) assert.ok(text.length > 0, JSON.stringify(one));
    for (const place of one.config) assert.match(place, /^(\*|\w+[.[=*\w].*|linux)$/);
  }
});

testTsrun("the table has every area, what doesn't work with its reason, and a conclusion", () => {
  const { stdout } = silent(runtime(["check"]));
  const { features, host } = checkedAsRoot();
  assert.match(stdout, `Linux ${host.kernel}`);
  for (const area of new Set(features.map((one) => one.area)))
    assert.match(stdout, new RegExp(`^${area}$`, "m"));
  for (const { title } of features) assert.ok(flat(stdout).includes(title), title);
  for (const { why } of features) if (why !== undefined) assert.ok(flat(stdout).includes(why), why);
  assert.match(stdout, /\nContainers can run here\.\n$/);
  for (const line of stdout.split("\n")) assert.ok(line.length <= 110, line);
});

/** Without line breaks. */
const flat = (text: string) => text.replace(/\s+/g, " ");

testTsrun("TAP has a test point for each feature, failed where it doesn't work", () => {
  const points = parseTap(silent(runtime(["check", "--format", "tap"])).stdout);
  const { features } = checkedAsRoot();
  const expected = features.map(({ name, state }) => ({
    name,
    ok: state === "works" || state === "skipped",
  }));
  assert.equal(
    points.map(({ name, ok }) => ({ name, ok })),
    expected,
  );
  for (const { ok, diagnostics } of points) assert.is(ok, diagnostics["message"] === undefined);
});

testTsrun("without CAP_SYS_ADMIN namespaces and mounts are forbidden, and containers cannot run", () => {
  const found = checked(without("sys_admin"));
  assert.is(verdict(found, "namespace.mount"), "forbidden clone3 EPERM");
  assert.is(verdict(found, "pivot_root"), "forbidden unshare EPERM");
  assert.is(verdict(found, "filesystem.overlay"), "forbidden unshare EPERM");
  assert.is(verdict(found, "time-offset.boottime"), "forbidden unshare EPERM");
  assert.is(verdict(found, "capability.CAP_SYS_ADMIN"), "forbidden");
  assert.match(row(found, "capability.CAP_SYS_ADMIN").why ?? "", "bounding set");
  assert.is(verdict(found, "namespace.user"), "works");
  assert.ok(found.lacking.includes("namespace.mount"));
  assert.is(found.containers, false);
  assert.is(found.status, 1);
});

const DROPPED = [
  ["sys_nice", "scheduler.SCHED_FIFO", "forbidden sched_setattr EPERM"],
  ["mknod", "device-nodes", "forbidden mknodat EPERM"],
  ["sys_time", "time-offset.monotonic", "forbidden write EPERM"],
  ["net_admin", "loopback", "forbidden ioctl EPERM"],
  ["setuid", "namespace.user.range", "forbidden write EPERM"],
  ["sys_resource", "rlimit.raise", "forbidden prlimit64 EPERM"],
] as const;

testTsrun("what takes a capability is forbidden without it, by the right errno", () => {
  const found = checked(without(...DROPPED.map(([capability]) => capability)));
  for (const [capability, name, expected] of DROPPED) {
    assert.is(verdict(found, name), expected, capability);
    assert.is(verdict(found, `capability.CAP_${capability.toUpperCase()}`), "forbidden");
  }
});

testTsrun("without a capability that ordinary containers need not, containers can run", () => {
  assert.is(checked(without("sys_nice")).status, 0);
});

testTsrun("an ordinary user may ask, is forbidden most, and has user namespaces", () => {
  const copy = join(freshDirectory("binary"), "tsrun");
  command("cp", runtimePath, copy);
  // The runtime's own path, which an ordinary user need not reach, is the shell's $0.
  const ordinary = `exec setpriv --reuid 65534 --regid 65534 --clear-groups ${copy} "$@"`;
  const { status, stdout, stderr } = runtime(["check", "--json"], {
    through: ["sh", "-c", ordinary],
    cwd: "/",
  });
  assert.is(stderr, "");
  const found = { ...(JSON.parse(stdout) as Found), status }; // what check prints
  assert.is(found.host.uid, 65534);
  assert.is(found.status, 1);
  assert.is(verdict(found, "namespace.pid"), "forbidden clone3 EPERM");
  assert.is(verdict(found, "cgroup.create"), "forbidden mkdirat EACCES");
  assert.is(verdict(found, "capability.CAP_CHOWN"), "forbidden capset EPERM");
  assert.is(verdict(found, "namespace.user.ordinary"), verdict(checkedAsRoot(), "namespace.user.ordinary"));
  assert.is(verdict(found, "seccomp.action.ERRNO"), "works");
});

/** Features, and system calls that each cannot do without, none of which another of them needs before its own. */
const CALLS = [
  ["openat2.in-root", "openat2"],
  ["pivot_root", "pivot_root"],
  ["mount.setattr", "mount_setattr"],
  ["mount.open_tree", "open_tree"],
  ["pidfd.getfd", "pidfd_getfd"],
  ["keyring.session", "keyctl"],
  ["memory-policy.MPOL_BIND", "set_mempolicy"],
  ["cgroup.devices", "bpf"],
  ["io-priority.IOPRIO_CLASS_BE", "ioprio_set"],
] as const;

for (const [errno, state] of [
  ["ENOSYS", "missing"],
  ["EPERM", "forbidden"],
] as const) {
  testCompiled(`where system calls give ${errno}, what needs them is ${state}`, () => {
    const found = checked(refusing(errno, ...CALLS.map(([, call]) => call)));
    for (const [name, call] of CALLS) assert.is(verdict(found, name), `${state} ${call} ${errno}`, name);
    assert.is(verdict(found, "namespace.uts"), "works");
  });
}

testCompiled("where a filter kills who makes a system call, what needs it is forbidden", () => {
  const killing = [
    ["pivot_root", "pivot_root"],
    ["keyctl", "keyring.session"],
  ] as const;
  const numbers = killing.map(([call]) => syscallNumber(call)).join(",");
  const found = checked({ through: [REFUSE, "0", numbers] });
  for (const [call, name] of killing) {
    assert.is(row(found, name).state, "forbidden");
    assert.match(row(found, name).why ?? "", `${call}: a seccomp filter kills who calls it (SIGSYS)`);
  }
  assert.is(found.status, 1);
});

testCompiled("a kernel older than all that tsrun needs is found out, and no process is left there", () => {
  const found = checked(refusing("ENOSYS", "clone3", "fsopen", "pidfd_open", "close_range"));
  assert.is(verdict(found, "clone3"), "missing clone3 ENOSYS");
  assert.is(verdict(found, "namespace.uts"), "missing clone3 ENOSYS");
  assert.is(verdict(found, "mount.fsmount"), "missing fsopen ENOSYS");
  assert.is(verdict(found, "pidfd.open"), "missing pidfd_open ENOSYS");
  assert.is(verdict(found, "close_range"), "missing close_range ENOSYS");
  assert.is(found.status, 1);
});

testTsrun("a bundle that can be honoured is told so, with status 0", () => {
  const { honoured, obstacles, outcome } = ofBundle({});
  assert.equal(obstacles, []);
  assert.is(honoured, true);
  assert.is(outcome.status, 0);
});

const IMPOSSIBLE: Patch = {
  mounts: [{ destination: "/x", type: "no-such-fs", source: "none" }],
  linux: { sysctl: { "net.no_such": "1", "kernel.shmmax": "4096" } },
};

testTsrun("what of a bundle cannot be honoured is named, with its line", () => {
  const one = bundle(IMPOSSIBLE);
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
  const capabilities = { bounding: ["CAP_KILL", "CAP_SYS_NICE"], permitted: ["CAP_SYS_NICE"] };
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

const hasMemory = cgroup2Controllers().has("memory");
const LIMITS = { memory: { limit: 2 ** 26 }, cpu: { shares: 512 }, pids: { limit: 100 } };

testIf(!hasMemory, "needs a machine whose cgroup v2 has no controller memory")(
  "limits whose controllers are bound to cgroup v1 are obstacles",
  () => {
    const { obstacles } = ofBundle({ linux: { resources: LIMITS } });
    const memory = obstacles.find(({ path }) => path === "linux.resources.memory.limit");
    assert.is(memory?.feature, "cgroup.controller.memory");
    assert.match(memory?.why ?? "", /mounted as cgroup v1 at \/|the kernel lacks it/);
  },
);

testIf(hasMemory, "needs cgroup controller memory")("limits whose controllers are there are none", () => {
  assert.equal(ofBundle({ linux: { resources: LIMITS } }).obstacles, []);
});

testTsrun("a config that is wrong is told as by validate", () => {
  const said = complaint(runtime(["check", "--bundle", bundle({ process: { cwd: "tmp" } }).path]));
  assert.match(said, /^tsrun: config\.json: process\.cwd: must be absolute/);
});

testIf(slowness === 1, "needs a machine that is not emulated")("a check takes less than two seconds", () => {
  const began = performance.now();
  checked();
  const took = performance.now() - began;
  assert.ok(took < 2000, `${took} ms`);
});

testTsrun("a check leaves no file of criu's", () => {
  using _ = mounted("/run", "-t", "tmpfs", "run");
  checked();
  assert.equal(readdirSync("/run"), []);
});

testTsrun("a check leaves no cgroup, and what killed checks have left is removed by the next", async () => {
  for (let wait = 10; wait < 200; wait += 20) {
    await using running = startRuntime(["check"]);
    await Bun.sleep(wait * slowness);
    running.child.kill("SIGKILL");
    await running.ended();
  }
  checked();
  await waitUntil(() => trialCgroups().length === 0, "the cgroups of checks are gone");
});

leavesNothing();
test.run();
