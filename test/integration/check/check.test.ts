// Runs beside other files.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ERRNO, type ErrnoName } from "../../../src/kernel/errno.ts";
import { type SyscallName, syscallNumber } from "../../../src/kernel/syscall-numbers.ts";
import { cgroup2Mount } from "../../harness/cgroups.ts";
import { compiled, testCompiled } from "../../harness/compile.ts";
import { freshDirectory, runtimePath, testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { mounted } from "../../harness/mount.ts";
import { byCopy, type Call, runtime, silent, startRuntime } from "../../harness/runtime.ts";
import { testIf } from "../../harness/skip.ts";
import { slowness } from "../../harness/slowness.ts";
import { swapping } from "../../harness/swapping.ts";
import { waitUntil } from "../../harness/wait.ts";
import { checked, checkedAsRoot, type Found, row, verdict, without } from "./checked.ts";
import { parseTap } from "./tap.ts";

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

testTsrun("the table has what doesn't work with its reason, how much does, and a conclusion", () => {
  const { stdout } = silent(runtime(["check"]));
  const { features } = checkedAsRoot();
  const [trouble, rest] = [features.filter(isTrouble), features.filter((one) => !isTrouble(one))];
  assert.ok(rest.length > 0);
  for (const { title, why = "" } of trouble) {
    assert.ok(flat(stdout).includes(title), title);
    assert.ok(flat(stdout).includes(why), why);
  }
  assert.not.match(stdout, /^ {2}(works|skipped)/m);
  for (const area of new Set(features.map((one) => one.area)))
    assert.is(
      new RegExp(`^${area}$`, "m").test(stdout),
      trouble.some((one) => one.area === area),
      area,
    );
  const working = features.filter(({ state }) => state === "works").length;
  assert.match(stdout, new RegExp(`\\n${working} work.*; --all lists them\\nContainers can run here\\.\\n$`));
});

const isTrouble = ({ state }: { readonly state: string }) => state === "missing" || state === "forbidden";

testTsrun("the page has every feature, and asks no network for anything", () => {
  const { features, host } = checkedAsRoot();
  const { stdout } = silent(runtime(["check", "--html"]));
  assert.is(stdout, silent(runtime(["check", "--format", "html"])).stdout);
  assert.match(stdout, /^<!doctype html>\n<html lang="en">/);
  assert.match(stdout, /<h1>Containers can run here\.<\/h1>/);
  assert.match(stdout, `Linux ${host.kernel}`);
  for (const { name, state } of features)
    assert.ok(stdout.includes(`<td class="${state}">`) && stdout.includes(`>${name}</code>`), name);
  assert.is(stdout.match(/<tr>/g)?.length, features.length);
  assert.match(stdout, "@media (prefers-color-scheme: dark)");
  assert.match(stdout, `content="default-src 'none'; style-src 'unsafe-inline'"`);
  assert.not.match(stdout, /<(script|link|img|iframe)\b|\b(src|href)=|url\(|@import|https?:/);
});

testTsrun("the table with --all has every area, what doesn't work with its reason, and a conclusion", () => {
  const { stdout } = silent(runtime(["check", "--all"]));
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

testTsrun("an ordinary user may ask, and is told what its own user namespace lets it do", () => {
  const ordinary = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
  const through = [...ordinary, ...byCopy()];
  const { status, stdout, stderr } = runtime(["check", "--json"], { through, cwd: "/" });
  assert.is(stderr, "");
  const found = { ...(JSON.parse(stdout) as Found), status }; // what check prints
  assert.is(found.host.uid, 65534);
  assert.is(verdict(found, "cgroup.create"), "forbidden mkdirat EACCES");
  assert.is(verdict(found, "scheduler.SCHED_FIFO"), "forbidden sched_setattr EPERM");
  assert.is(verdict(found, "device-nodes"), "forbidden mknodat EPERM");
  const allowed = verdict(checkedAsRoot(), "namespace.user.ordinary");
  assert.is(verdict(found, "namespace.user.ordinary"), allowed);
  assert.is(verdict(found, "namespace.pid"), allowed);
  assert.is(verdict(found, "filesystem.proc"), allowed);
  assert.is(verdict(found, "pivot_root"), allowed);
  assert.is(verdict(found, "capability.CAP_CHOWN"), allowed);
  assert.is(verdict(found, "sysctl.net.ipv4.ping_group_range"), allowed);
  assert.is(verdict(found, "seccomp.action.ERRNO"), "works");
  assert.equal(found.lacking.length === 0, allowed === "works", found.lacking.join());
  assert.is(found.status, found.containers ? 0 : 1);
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

testIf(slowness === 1, "needs a machine that is not emulated")("a check takes less than two seconds", () => {
  // Of the processor: others may keep it busy meanwhile.
  const { resourceUsage, exitCode } = Bun.spawnSync([runtimePath, "check"]);
  const took = Number(resourceUsage.cpuTime.total) / 1000;
  assert.is(exitCode, checkedAsRoot().status);
  assert.ok(took > 0 && took < 2000, `${took} ms`);
});

/** Each of a few checks meets a rename often enough: one of them nearly always did. */
const CHECKS_MEANWHILE = slowness > 1 ? 1 : 5;

testTsrun("a check finds the same while others rename", async () => {
  const directory = freshDirectory("renamed");
  for (const name of ["a", "b"]) writeFileSync(join(directory, name), "");
  await using _ = await swapping(directory, "a", "b");
  for (let turn = 0; turn < CHECKS_MEANWHILE; turn++)
    assert.is(row(checked(), "openat2.in-root").state, "works");
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
