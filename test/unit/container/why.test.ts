import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Deed } from "../../../src/container/listing/listing.ts";
import { stepAt, stepsIn } from "../../../src/container/why/program.ts";
import { stoppedBecause } from "../../../src/container/why/stopped.ts";
import { forTime } from "../../../src/container/why/task.ts";
import { SIGNALS } from "../../../src/kernel/signals.ts";

const DEEDS: readonly Deed[] = [
  { by: "stage", owner: "stage process", text: "$0 prctl(PR_SET_DUMPABLE, 0)" },
  { by: "tsrun", owner: "config.json: linux.resources", text: "write(</x>, 1)" },
  { by: "init", owner: "config.json: hostname", text: '$0 sethostname("box", 3)' },
  { by: "init", owner: "config.json: mounts[0] (proc on /proc)", text: '$1 fsopen("proc", FSOPEN_CLOEXEC)' },
  { by: "init", owner: "config.json: process.cwd", text: '$2 mkdirat($1, "x", 0755)  (EEXIST tolerated)' },
];

test("a rehearsal gives each agent's steps by their numbers", () => {
  const { init = [], stage = [] } = stepsIn(DEEDS);
  assert.equal([init.length, stage.length], [3, 1]);
  assert.equal(stepAt(init, 2, "mkdirat"), {
    text: 'mkdirat($1, "x", 0755)',
    owner: "config.json: process.cwd",
  });
});

test("a step that is some numbers away is found by its call; of another call only the property is told", () => {
  const { init = [] } = stepsIn(DEEDS);
  assert.is(stepAt(init, 3, "mkdirat")?.owner, "config.json: process.cwd");
  assert.is(stepAt(init, 0, "fsopen")?.owner, "config.json: mounts[0] (proc on /proc)");
  assert.equal(stepAt(init, 1, "ppoll"), { owner: "config.json: mounts[0] (proc on /proc)" });
  assert.is(stepAt(init, 9, "ppoll"), null);
});

test("times are told in two units at most", () => {
  const told = [null, 400, 12_000, 185_000, 7_380_000].map(forTime);
  assert.equal(told, ["", "for less than a second", "for 12 s", "for 3 min 5 s", "for 2 h 3 min"]);
});

/** What is said of a container that SIGKILL has ended, whose cgroup `pod/box` has these files, and `pod` those. */
function killed(box: Record<string, string>, pod: Record<string, string> = {}): readonly string[] {
  const mount = mkdtempSync(join(tmpdir(), "why-"));
  try {
    const cgroup = join(mount, "pod/box");
    mkdirSync(cgroup, { recursive: true });
    for (const [name, text] of Object.entries(box)) writeFileSync(join(cgroup, name), text);
    for (const [name, text] of Object.entries(pod)) writeFileSync(join(mount, "pod", name), text);
    const { line, details } = stoppedBecause({
      ...{ id: "web", init: null, ended: SIGNALS.SIGKILL, cgroup, mount, directory: null },
      config: {
        ociVersion: "1.3.0",
        root: { path: "rootfs" },
        linux: { resources: { memory: { limit: 16_777_216 } } },
      },
    });
    return [line, ...details].map((one) => one.replaceAll(mount, ""));
  } finally {
    rmSync(mount, { recursive: true });
  }
}

const KILLED = "container web has stopped: killed by SIGKILL";
const OUT = { "memory.events": "oom 1\noom_kill 1\n" };

test("memory that ran out is told with the cgroup whose limit was met, and its line of config.json", () => {
  const own = { ...OUT, "memory.events.local": "max 9\noom 1\noom_kill 1\n", "memory.max": "16777216\n" };
  assert.equal(killed(own), [
    `${KILLED}; out of memory; the limit that was met is that of /pod/box: memory.max is 16777216, config.json: linux.resources.memory.limit (16777216), met once`,
  ]);
});

test("it may be the limit of a cgroup above, such as the pod's, or none", () => {
  const none = { ...OUT, "memory.events.local": "max 0\noom 0\noom_kill 1\n" };
  const above = { "memory.events.local": "max 3\noom 2\noom_kill 0\n", "memory.max": "104857600\n" };
  assert.equal(killed(none, above), [
    `${KILLED}; out of memory; the limit that was met is that of /pod: memory.max is 104857600, met 2 times`,
  ]);
  assert.equal(killed(none), [
    `${KILLED}; out of memory; no limit of its cgroups was met: the machine's own memory ran out`,
  ]);
});

test("a SIGKILL without a sender is told as such", () => {
  assert.equal(killed({}), [`${KILLED}; the sender of the signal is not known: it was not \`tsrun kill\``]);
});

test.run();
