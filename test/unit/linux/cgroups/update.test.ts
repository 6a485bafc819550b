import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Resources } from "../../../../runtime-spec/config-linux-resources.ts";
import { updateResources } from "../../../../src/linux/cgroups/update.ts";

const BEFORE: Resources = {
  devices: [{ allow: false, access: "rwm" }],
  memory: { limit: 100, swap: 200, reservation: 50 },
  cpu: { shares: 512, quota: 5000, period: 10000 },
  pids: { limit: 7 },
  unified: { "memory.high": "90" },
};

const changed = (update: Resources) => updateResources(BEFORE, update).changed;

test("only what the update names is written", () => {
  assert.equal(changed({ pids: { limit: 9 } }), { pids: { limit: 9 } });
  assert.equal(changed({ cpu: { shares: 256 } }), { cpu: { shares: 256 } });
  assert.equal(changed({ memory: { reservation: 20 } }), { memory: { reservation: 20 } });
});

test("zeros name nothing", () => {
  const { changed, saved } = updateResources(BEFORE, {
    memory: { limit: 0, swap: 0 },
    cpu: { shares: 0, quota: 0 },
  });
  assert.equal(changed, { memory: {}, cpu: {} });
  assert.equal(saved, BEFORE);
});

test("a memory limit goes with the swap limit that counts it in, and the other way round", () => {
  assert.equal(changed({ memory: { limit: 150 } }), { memory: { limit: 150, swap: 200 } });
  assert.equal(changed({ memory: { swap: 300 } }), { memory: { limit: 100, swap: 300 } });
  assert.equal(changed({ memory: { limit: -1 } }), { memory: { limit: -1, swap: -1 } });
});

test("quota and period go together", () => {
  assert.equal(changed({ cpu: { quota: 8000 } }), { cpu: { quota: 8000, period: 10000 } });
  assert.equal(changed({ cpu: { period: 20000 } }), { cpu: { quota: 5000, period: 20000 } });
});

test("a cgroup that is idle no more gets its shares back", () => {
  assert.equal(changed({ cpu: { idle: 0 } }), { cpu: { shares: 512, idle: 0 } });
});

test("the device rules stay", () => {
  const { changed, saved } = updateResources(BEFORE, { devices: [{ allow: true, access: "rwm" }] });
  assert.equal(changed, {});
  assert.equal(saved.devices, BEFORE.devices);
});

test("what is saved is what the container is limited to", () => {
  const update = { memory: { limit: 150 }, unified: { "memory.low": "1" }, pids: { limit: -1 } };
  assert.equal(updateResources(BEFORE, update).saved, {
    ...BEFORE,
    memory: { limit: 150, swap: 200, reservation: 50 },
    unified: { "memory.high": "90", "memory.low": "1" },
    pids: { limit: -1 },
  });
});

test.run();
