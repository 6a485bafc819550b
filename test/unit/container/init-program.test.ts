/** "This config gives this program": what an init would do, as data. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Config } from "../../../runtime-spec/config.ts";
import type { NamespaceType } from "../../../runtime-spec/config-linux.ts";
import type { Step } from "../../../src/agent/program.ts";
import { defaultConfig } from "../../../src/container/default-config.ts";
import { openHow } from "../../../src/kernel/structs.ts";
import { initProgram } from "./init-programs.ts";

const directory = mkdtempSync(join(tmpdir(), "tsrun-unit-"));
mkdirSync(join(directory, "rootfs"));
test.after(() => rmSync(directory, { recursive: true }));

const NAMESPACES: readonly NamespaceType[] = ["pid", "network", "ipc", "uts", "mount", "cgroup"];

/** The whole program of a config, with new namespaces of these types. */
function programOf(patch: Partial<Config>, created: readonly NamespaceType[] = NAMESPACES): readonly Step[] {
  const config = { ...defaultConfig(), ...patch };
  return initProgram(config, created, { path: directory, rootfs: join(directory, "rootfs") });
}

/** Index of the first step of that call, on behalf of an owner that matches. */
function at(steps: readonly Step[], call: string, owner = /./): number {
  const index = steps.findIndex((step) => step.call.name === call && owner.test(step.owner));
  assert.ok(index >= 0, `no ${call} for ${owner}`);
  return index;
}

/** The process of the default config, changed. */
function process(patch: Partial<NonNullable<Config["process"]>>): Partial<Config> {
  const { process: base } = defaultConfig();
  if (base === undefined) throw new Error("the default config has a process");
  return { process: { ...base, ...patch } };
}

test("each step has an owner", () => {
  for (const [index, step] of programOf({}).entries())
    assert.ok(step.owner !== "", `step ${index}: ${step.call.name}`);
});

test("mounts are made in the order of the config", () => {
  const steps = programOf({});
  const order = defaultConfig().mounts?.map((mount) =>
    at(steps, "move_mount", new RegExp(`on ${mount.destination}\\)`)),
  );
  assert.equal(
    order,
    [...(order ?? [])].sort((one, other) => one - other),
  );
});

test("paths are masked before the root changes, and the root before the user", () => {
  const steps = programOf({});
  assert.ok(at(steps, "open_tree", /maskedPaths/) < at(steps, "pivot_root"));
  assert.ok(at(steps, "pivot_root") < at(steps, "setresuid"));
});

test("the bounding set falls before the user changes, the other sets after", () => {
  const steps = programOf({});
  assert.ok(at(steps, "prctl", /capabilities\.bounding/) < at(steps, "setresuid"));
  assert.ok(at(steps, "setresuid") < at(steps, "capset"));
});

test("groups change before the user, who may not change them any more", () => {
  const steps = programOf(process({ user: { uid: 1000, gid: 1000, additionalGids: [5] } }));
  assert.ok(at(steps, "setgroups", /additionalGids/) < at(steps, "setresgid", /user\.gid/));
  assert.ok(at(steps, "setresgid", /user\.gid/) < at(steps, "setresuid", /user\.uid/));
});

test("after each change of ids the agent is not dumpable again, and dies with tsrun again", () => {
  const [PR_SET_PDEATHSIG, PR_SET_DUMPABLE, SIGKILL] = [1, 4, 9];
  const steps = programOf(process({ user: { uid: 1000, gid: 1000 } }), [...NAMESPACES, "user"]);
  const isChange = (index: number) => steps[index]?.call.name === "setresuid";
  const changes = steps.flatMap((_, index) => (isChange(index) && !isChange(index + 1) ? [index] : []));
  assert.is(changes.length, 2); // root of the user namespace, or else its user, then the process's user
  for (const [number, change] of changes.entries()) {
    const since = steps.slice(change, changes[number + 1]).map(({ call }) => [call.name, ...call.args]);
    const has = (...call: readonly unknown[]) =>
      since.some((one) => call.every((part, at) => part === one[at]));
    assert.ok(has("prctl", PR_SET_DUMPABLE, 0), `dumpable after step ${change}`);
    assert.ok(has("prctl", PR_SET_PDEATHSIG, SIGKILL), `lives on after step ${change}`);
    assert.ok(has("compare") && has("exit_group", 1), `does not look after step ${change}`);
  }
});

test("a device's owner and kind are those of the node itself, not of what a link in its place leads to", () => {
  const AT_SYMLINK_NOFOLLOW = 0x100;
  const device = { path: "/dev/x", type: "c", major: 1, minor: 3, uid: 5 } as const;
  const steps = programOf({ linux: { devices: [device] } });
  const owned = steps[at(steps, "fchownat", /devices/)];
  assert.is(owned?.call.args[4], AT_SYMLINK_NOFOLLOW);
  const seen = steps.filter(({ call, owner }) => call.name === "statx" && /device/.test(owner));
  assert.ok(seen.length > 5);
  for (const { call } of seen) assert.is(call.args[2], AT_SYMLINK_NOFOLLOW);
});

test("sysctls are written through a procfs of the agent's own, where no link or mount leads elsewhere", () => {
  const [NO_XDEV, NO_SYMLINKS, BENEATH] = [0x01, 0x04, 0x08];
  const steps = programOf({ linux: { sysctl: { "kernel.domainname": "x" } } });
  const opened = steps[at(steps, "openat2", /sysctl/)];
  assert.equal(opened?.call.args[0], { step: at(steps, "fsmount", /sysctl/) });
  const how = opened?.call.args[2];
  assert.ok(how instanceof Uint8Array);
  assert.is(new DataView(how.buffer).getUint32(16, true), NO_XDEV | NO_SYMLINKS | BENEATH);
});

test("descriptors of the host are closed before any path of the container's is taken", () => {
  const steps = programOf({});
  const closed = at(steps, "close_range");
  assert.ok(closed < at(steps, "fchdir", /process\.cwd/));
  assert.ok(closed < at(steps, "faccessat2", /process\.args/));
});

test("paths in the rootfs are resolved in it, without magic links", () => {
  const RESOLVE_NO_MAGICLINKS = 0x02;
  const CONFINING = 0x10 | 0x08; // in root, or beneath
  const steps = programOf({});
  const root = at(steps, "move_mount", /root\.path/);
  const opened = steps.filter(
    ({ call }, index) => call.name === "openat2" && index > root && index < at(steps, "pivot_root"),
  );
  assert.ok(opened.length > 20);
  for (const { call, owner } of opened) {
    const how = call.args[2];
    const resolve = how instanceof Uint8Array ? new DataView(how.buffer).getUint32(16, true) : 0;
    assert.ok((resolve & CONFINING) !== 0, owner);
    assert.ok((resolve & (RESOLVE_NO_MAGICLINKS | 0x04)) !== 0, owner);
  }
  assert.is(openHow(0, 0, CONFINING).byteLength, 24);
});

test("a read-only root is made so after everything was mounted below it", () => {
  const steps = programOf({ root: { path: "rootfs", readonly: true } });
  const readonly = at(steps, "mount_setattr", /root\.readonly/);
  assert.is(steps.findLastIndex(({ call }) => call.name === "move_mount") < readonly, true);
});

test("a writable root is left as it is", () => {
  const steps = programOf({ root: { path: "rootfs" } });
  assert.not(steps.some(({ owner }) => /root\.readonly/.test(owner)));
});

test("without a mount namespace there is a chroot, and not one mount", () => {
  const { linux: _, ...bare } = defaultConfig();
  const steps = programOf({ ...bare, root: { path: "rootfs" }, mounts: [], linux: {} }, ["pid"]);
  at(steps, "chroot");
  for (const call of ["mount", "move_mount", "pivot_root", "mknodat"])
    assert.not(
      steps.some((step) => step.call.name === call),
      call,
    );
});

test("in a user namespace devices are bound, since mknod is not allowed", () => {
  const steps = programOf({}, [...NAMESPACES, "user"]);
  const nodes = steps.filter(({ call }) => call.name === "mknodat" && Number(call.args[2]) >> 12 === 2);
  assert.is(nodes.length, 0);
  at(steps, "open_tree", /default device \/dev\/null/);
});

test("the loopback interface comes up in a new network namespace only", () => {
  at(programOf({}), "ioctl", /loopback/);
  const joined = programOf(
    {},
    NAMESPACES.filter((type) => type !== "network"),
  );
  assert.not(joined.some(({ owner }) => /loopback/.test(owner)));
});

test("no_new_privs is set when asked for, and only then", () => {
  const asked = (steps: readonly Step[]) => steps.some(({ owner }) => owner === "process.noNewPrivileges");
  assert.ok(asked(programOf({})));
  assert.not(asked(programOf(process({ noNewPrivileges: false }))));
});

test("each capability that is not kept is dropped from the bounding set", () => {
  const kept = { bounding: ["CAP_CHOWN", "CAP_KILL"] };
  const dropped = programOf(process({ capabilities: kept }))
    .filter(({ owner }) => owner === "process.capabilities.bounding")
    .map(({ call }) => call.args[1]);
  assert.not(dropped.includes(0));
  assert.not(dropped.includes(5));
  for (const number of [1, 21, 24, 40]) assert.ok(dropped.includes(number), String(number));
});

test.run();
