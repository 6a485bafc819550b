// What only a kernel can show: needs root and a cgroup v2 that may be written to.

import { spawn, spawnSync } from "node:child_process";
import { accessSync, chmodSync, constants, existsSync, mkdirSync, statSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DeviceRule } from "../../../../runtime-spec/config-linux-resources.ts";
import { OwnCaller } from "../../../../src/agent/own-caller.ts";
import { cgroupDriver } from "../../../../src/container/cgroup/cgroup.ts";
import { CWD, close, mkdirat, openat } from "../../../../src/kernel/calls.ts";
import { O_DIRECTORY, O_PATH } from "../../../../src/kernel/constants.ts";
import { here } from "../../../../src/kernel/here.ts";
import { createCgroup } from "../../../../src/linux/cgroups/create.ts";
import { compileDeviceRules } from "../../../../src/linux/cgroups/device-program.ts";
import { containerDeviceRules } from "../../../../src/linux/cgroups/device-rules.ts";
import { attachDevices } from "../../../../src/linux/cgroups/devices.ts";
import { readEvents } from "../../../../src/linux/cgroups/events.ts";
import { freeze, isFrozen, thaw } from "../../../../src/linux/cgroups/freeze.ts";
import { unifiedMount } from "../../../../src/linux/cgroups/hierarchy.ts";
import { killAll, signalAll, waitUntilEmpty } from "../../../../src/linux/cgroups/kill.ts";
import { pidsIn } from "../../../../src/linux/cgroups/pids.ts";
import { removeCgroup } from "../../../../src/linux/cgroups/remove.ts";
import { rejected } from "../../../harness/rejected.ts";
import { testIf } from "../../../harness/skip.ts";

const mount = unifiedMount();
const top = `${mount}/tsrun-test-${process.pid}`;
const testHere = testIf(process.getuid?.() === 0 && isWritable(mount), "needs root and a writable cgroup v2");

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** A cgroup below `top`, removed with all its processes at the end of the test. */
function cgroup(path = "box") {
  const directory = `${top}/${path}`;
  const fd = createCgroup(mount, directory, new Map());
  const dispose = async () => {
    here(close(fd));
    await killAll(directory);
    await removeCgroup(mount, directory);
  };
  return { directory, fd, [Symbol.asyncDispose]: dispose };
}

/** Starts a shell in a cgroup; resolves once its script has said so. */
async function shellIn(directory: string, script: string) {
  const child = spawn("sh", ["-c", `echo $$ > ${directory}/cgroup.procs && ${script}`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const ended = new Promise<NodeJS.Signals | null>((resolve) =>
    child.once("exit", (_, signal) => resolve(signal)),
  );
  return { pid: child.pid ?? 0, ended };
}

const SLEEP = "echo ready && exec sleep 60";

testHere(
  "a cgroup goes away with the parents that were made for it, the last container's with all of them",
  async () => {
    {
      await using first = cgroup("pod/first");
      assert.is(statSync(`${top}/pod`).mode & 0o7777, 0o1755);
      assert.is(statSync(first.directory).mode & 0o7777, 0o755);
      await using second = cgroup("pod/second");
      await removeCgroup(mount, first.directory);
      assert.ok(existsSync(second.directory));
    }
    assert.not(existsSync(top));
  },
);

testHere("a parent that somebody else made stays", async () => {
  mkdirSync(top);
  {
    await using _ = cgroup("pod/box");
  }
  assert.not(existsSync(`${top}/pod`));
  assert.ok(existsSync(top));
  chmodSync(top, 0o1755);
  await removeCgroup(mount, `${top}/none`);
  assert.not(existsSync(top));
});

testHere(
  "an empty cgroup is taken, one with processes or a frozen one is refused and left alone",
  async () => {
    await using box = cgroup();
    here(close(createCgroup(mount, box.directory, new Map())));
    const { pid } = await shellIn(box.directory, SLEEP);
    assert.throws(
      () => createCgroup(mount, box.directory, new Map()),
      /cgroupsPath.*not empty: .* has processes already/,
    );
    assert.equal(pidsIn(box.directory), [pid]);
    await killAll(box.directory);
    await waitUntilEmpty(box.directory, 5000);
    await freeze(box.directory, 10_000);
    assert.throws(() => createCgroup(mount, box.directory, new Map()), /cgroupsPath.*unexpectedly frozen/);
  },
);

testHere("what could not be made leaves nothing", () => {
  assert.throws(() => createCgroup(mount, `${top}/pod/a\nb`, new Map()), /EINVAL/);
  assert.not(existsSync(top));
});

testHere("sub-cgroups of any depth are removed", async () => {
  await using box = cgroup();
  let fd = here(openat(CWD, box.directory, O_PATH | O_DIRECTORY));
  for (let depth = 0; depth < 300; depth++) {
    here(mkdirat(fd, "a-name-of-twenty-char", 0o755));
    const next = here(openat(fd, "a-name-of-twenty-char", O_PATH | O_DIRECTORY));
    here(close(fd));
    fd = next;
  }
  here(close(fd));
  await removeCgroup(mount, box.directory);
  assert.not(existsSync(box.directory));
});

testHere("a cgroup with live processes is not removed, and the error names them", async () => {
  await using box = cgroup();
  mkdirSync(`${box.directory}/inner`);
  const { pid } = await shellIn(`${box.directory}/inner`, SLEEP);
  const { message } = await rejected(removeCgroup(mount, box.directory, 20));
  assert.match(message, `processes (${pid})`);
});

testHere("all processes of the subtree are listed and killed", async () => {
  await using box = cgroup();
  mkdirSync(`${box.directory}/inner/deep`, { recursive: true });
  const outer = await shellIn(box.directory, SLEEP);
  const inner = await shellIn(`${box.directory}/inner/deep`, SLEEP);
  assert.equal(
    pidsIn(box.directory),
    [outer.pid, inner.pid].sort((one, other) => one - other),
  );
  assert.ok(await killAll(box.directory));
  assert.is(await outer.ended, "SIGKILL");
  assert.is(await inner.ended, "SIGKILL");
  assert.ok(await waitUntilEmpty(box.directory, 5000));
  assert.equal(pidsIn(box.directory), []);
});

testHere("a signal goes to all, and a frozen cgroup stays frozen", async () => {
  await using box = cgroup();
  const one = await shellIn(box.directory, SLEEP);
  const other = await shellIn(box.directory, "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done");
  await freeze(box.directory, 10_000);
  assert.ok(await signalAll(box.directory, 15));
  assert.ok(isFrozen(box.directory));
  thaw(box.directory);
  assert.is(await one.ended, "SIGTERM");
  assert.is(await other.ended, null);
});

testHere("freezing returns when all has stopped", async () => {
  await using box = cgroup();
  await shellIn(box.directory, "echo ready; while :; do :; done");
  assert.not(isFrozen(box.directory));
  await freeze(box.directory, 10_000);
  assert.is(readEvents(box.directory)?.frozen, true);
  assert.ok(isFrozen(box.directory));
  thaw(box.directory);
  assert.not(isFrozen(box.directory));
});

testHere("there is nothing to kill, list, thaw or remove where there is no cgroup", async () => {
  assert.not(await killAll(`${top}/none`));
  assert.not(await signalAll(`${top}/none`, 15));
  assert.equal(pidsIn(`${top}/none`), []);
  assert.not(isFrozen(`${top}/none`));
  assert.ok(await waitUntilEmpty(`${top}/none`, 0));
  await removeCgroup(mount, `${top}/none`);
});

/** What a shell in the cgroup makes of opening a node; `how` is a redirection. */
function opens(directory: string, node: string, how: "<" | ">" | "<>"): boolean {
  const script = `echo $$ > ${directory}/cgroup.procs && : ${how} ${node}`;
  return spawnSync("sh", ["-c", script], { stdio: "ignore" }).status === 0;
}

const program = (...rules: readonly DeviceRule[]) =>
  compileDeviceRules(containerDeviceRules(rules, undefined));
const DENY_ALL: DeviceRule = { allow: false, access: "rwm" };

testHere("the device program lets the allowed devices be opened and no others", async () => {
  await using box = cgroup();
  attachDevices(box.fd, program(DENY_ALL));
  for (const node of ["/dev/null", "/dev/zero", "/dev/random"])
    assert.ok(opens(box.directory, node, "<>"), node);
  assert.not(opens(box.directory, "/dev/kmsg", "<"));
});

testHere("a program of many rules is accepted by the kernel's verifier", async () => {
  await using box = cgroup();
  const rules = Array.from({ length: 2000 }, (_, index): DeviceRule => {
    const access = ["r", "w", "m", "rw", "rwm"][index % 5] ?? "r";
    return {
      allow: index % 3 > 0,
      type: index % 2 === 0 ? "b" : "c",
      major: index % 300,
      minor: index,
      access,
    };
  });
  attachDevices(box.fd, program(DENY_ALL, ...rules));
  assert.ok(opens(box.directory, "/dev/null", "<>"));
});

testHere("a cgroup that has processes is refused before it is made", async () => {
  await using box = cgroup();
  const path = box.directory.slice(mount.length);
  await shellIn(box.directory, SLEEP);
  const driver = await cgroupDriver(new OwnCaller(), false);
  const config = { ociVersion: "1.0.2", root: { path: "rootfs" }, linux: { cgroupsPath: path } };
  assert.throws(() => driver.locate("id", config), /has processes/);
});

testHere("nothing is left", () => {
  assert.not(existsSync(top));
});

test.run();
