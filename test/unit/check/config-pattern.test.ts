import { test } from "uvu";
import * as assert from "uvu/assert";
import { placesOf } from "../../../src/check/config-pattern.ts";

const CONFIG = {
  process: {
    terminal: true,
    capabilities: { bounding: ["CAP_KILL", "CAP_BPF"], permitted: ["CAP_BPF"], effective: [] },
    scheduler: { policy: "SCHED_FIFO" },
  },
  mounts: [
    { destination: "/a", type: "proc" },
    { destination: "/b", type: "overlay", options: ["ro", "idmap"] },
    { destination: "/c", uidMappings: [] },
  ],
  linux: { sysctl: { "kernel.shmmax": "1" }, seccomp: { flags: ["TSYNC"] }, resources: {} },
};

for (const [pattern, places] of [
  ["*", [""]],
  ["linux.resources", ["linux.resources"]],
  ["linux.resources.memory", []],
  ["hooks.prestart", []],
  ["process.terminal=true", ["process.terminal"]],
  ["process.terminal=false", []],
  ["process.scheduler.policy=SCHED_RR|SCHED_FIFO", ["process.scheduler.policy"]],
  ["mounts[type=overlay]", ["mounts[1]"]],
  ["mounts[type=overlay|proc]", ["mounts[0]", "mounts[1]"]],
  ["mounts[options=idmap|ridmap]", ["mounts[1]"]],
  ["mounts[options=rid]", []],
  ["mounts[uidMappings]", ["mounts[2]"]],
  ["mounts[type=proc].destination", ["mounts[0].destination"]],
  [
    "process.capabilities.*[=CAP_BPF]",
    ["process.capabilities.bounding[1]", "process.capabilities.permitted[0]"],
  ],
  ["linux.seccomp.flags[=TSYNC]", ["linux.seccomp.flags[0]"]],
  ['linux.sysctl["kernel.shmmax"]', ['linux.sysctl["kernel.shmmax"]']],
  ['linux.sysctl["kernel.shmall"]', []],
  // What is of another kind than the pattern expects is not there.
  ["process.capabilities[type=x]", []],
  ["mounts.type", []],
] as const) {
  test(`${pattern} is ${places.length === 0 ? "nowhere" : places.join(" and ")}`, () => {
    assert.equal(placesOf(pattern, CONFIG), places);
  });
}

test("a pattern that cannot be understood is an error", () => {
  assert.throws(() => placesOf("linux.~", CONFIG), /from "\.~" on/);
});

test.run();
