// Runs beside other files.
// What a container that runs does to tools and mounts that are brought into it.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compiled, testCompiled } from "../../harness/compile.ts";
import { type Container, container, started } from "../../harness/container.ts";
import { freshDirectory, isTsrun, project, testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { command } from "../../harness/mount.ts";
import { parseMounts } from "../../harness/mountinfo.ts";
import { outside } from "../../harness/outside.ts";
import { complaint, type Outcome, runtime, silent } from "../../harness/runtime.ts";
import { swapping } from "../../harness/swapping.ts";
import { hostDirectory } from "../../harness/volumes.ts";
import { waitUntil } from "../../harness/wait.ts";

const TIMES = 10;

const tools = freshDirectory("tools");
copyFileSync(join(project, "build/rootfs/busybox/bin/busybox"), join(tools, "sh"));

/** Where a link of the container's leads that is exchanged with a directory. */
const TARGETS = {
  "the host's files": `../../../../../../../..${outside}`,
  "a magic link": "/proc/self/root",
  "proc itself": "/proc",
  "another directory": "/tmp",
} as const;

/** A container with a directory `spot`, and beside it a link to `target`. */
function hostile(target: string): Container {
  const box = started({ args: ["sleep", "60"] });
  mkdirSync(join(box.bundle.rootfs, "spot"));
  symlinkSync(target, join(box.bundle.rootfs, "link"));
  return box;
}

const hostMounts = () => readFileSync("/proc/self/mountinfo", "utf8");
const mountsOf = (box: Container) => readFileSync(`/proc/${box.pid()}/mountinfo`, "utf8");

/** One line of an error, or nothing at all. */
function isRightOrRefused({ status, stderr }: Outcome): void {
  if (status === 0) assert.is(stderr, "");
  else assert.match(stderr, /^tsrun: error: .*\n$/);
  assert.not.match(stderr, /internal error/);
}

for (const [where, target] of Object.entries(TARGETS)) {
  testTsrun(`a mount stays in the container while its destination becomes a link to ${where}`, async () => {
    using box = hostile(target);
    const file = join(freshDirectory("mounts"), "mounts.json");
    const mount = {
      destination: "/spot/place",
      type: "bind",
      source: hostDirectory("file"),
      options: ["rbind"],
    };
    writeFileSync(file, JSON.stringify([mount]));
    const [host, before, found] = [hostMounts(), mountsOf(box), readdirSync(outside)];
    await using swap = await swapping(box.bundle.rootfs, "spot", "link");
    for (let time = 0; time < TIMES; time++) {
      swap.resume();
      const outcome = runtime(["mounts", "add", box.id, file]);
      swap.pause();
      isRightOrRefused(outcome);
      assert.is(hostMounts(), host);
      assert.equal(readdirSync(outside), found);
      const added = parseMounts(mountsOf(box)).filter(({ mountPoint }) => mountPoint.endsWith("/place"));
      assert.is(added.length, outcome.status === 0 ? 1 : 0, outcome.stderr);
      assert.not.ok(added.some(({ mountPoint }) => mountPoint.startsWith("/proc")));
      for (const { mountPoint } of added)
        command("nsenter", "--mount", `--target=${box.pid()}`, "umount", mountPoint);
      assert.is(mountsOf(box), before);
    }
  });

  testTsrun(`tools stay in the container while their place becomes a link to ${where}`, async () => {
    using box = hostile(target);
    const [host, before, found] = [hostMounts(), mountsOf(box), readdirSync(outside)];
    await using swap = await swapping(box.bundle.rootfs, "spot", "link");
    for (let time = 0; time < TIMES; time++) {
      swap.resume();
      const at = time % 2 === 0 ? "/spot/place" : "/spot";
      const outcome = runtime(["exec", "--tools", tools, "--at", at, box.id, "/bin/sh", "-c", "echo on"]);
      swap.pause();
      isRightOrRefused(outcome);
      if (outcome.status === 0) assert.is(outcome.stdout, "on\n");
      assert.is(hostMounts(), host);
      assert.is(mountsOf(box), before);
      assert.equal(readdirSync(outside), found);
    }
  });
}

const endless = compiled("test/integration/hostile/endless-words.c");

testCompiled(
  "a process that has a terabyte of arguments and variables is listed all the same, and can be no model",
  async () => {
    using box = container({ args: ["/endless"] });
    copyFileSync(endless, join(box.bundle.rootfs, "endless"));
    box.runDetached();
    await waitUntil(() => box.printed() === "ready\n", "the program has its arguments");
    const listed = silent(runtime(["list", "--tree"])).stdout;
    assert.match(listed, /first second/);
    const [pod] = JSON.parse(silent(runtime(["list", "--tree", "--format", "json"])).stdout);
    assert.equal(pod.containers[0].command, ["first", "second"]);
    if (!isTsrun) return;
    const words = complaint(runtime(["exec", "--tools", tools, "--pid", String(box.pid()), "/bin/sh"]));
    assert.match(words, /its environment is longer than any that a program can be given/);
  },
);

leavesNothing();
test.run();
