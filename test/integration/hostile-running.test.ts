// Runs beside other files.
// What a container that runs does to tools and mounts that are brought into it.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Container, started } from "../harness/container.ts";
import { freshDirectory, project, testTsrun } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { command } from "../harness/mount.ts";
import { parseMounts } from "../harness/mountinfo.ts";
import { outside } from "../harness/outside.ts";
import { type Outcome, runtime } from "../harness/runtime.ts";
import { swapping } from "../harness/swapping.ts";
import { hostDirectory } from "../harness/volumes.ts";

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

leavesNothing();
test.run();
