// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { started } from "../harness/container.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { runtime, silent, startRuntime } from "../harness/runtime.ts";
import { waitUntil } from "../harness/wait.ts";

const MIB = 1024 * 1024;
const within = (limit: number) => ({ resources: { memory: { limit, swap: limit }, pids: { limit: 9 } } });

test("events --stats has runc's figures, with those of pressure", () => {
  using box = started({ args: ["sleep", "60"], linux: within(32 * MIB) });
  const { type, id, data } = JSON.parse(silent(runtime(["events", "--stats", box.id])).stdout);
  assert.equal([type, id], ["stats", box.id]);
  assert.equal(data.pids, { current: 1, limit: 9 });
  assert.is(data.memory.usage.limit, 32 * MIB);
  assert.ok(data.memory.usage.usage > 0 && data.memory.raw.anon > 0);
  assert.ok(data.cpu.usage.total > 0);
  for (const resource of ["cpu", "memory", "blkio"])
    for (const kind of ["some", "full"]) assert.type(data[resource].psi[kind].avg10, "number", resource);
});

test("events tells of each process that had no memory left, beside the statistics, to the container's end", async () => {
  const take = "dd if=/dev/zero of=/dev/shm/taken bs=1M count=64 2>/dev/null";
  using box = started({ args: ["sh", "-c", `sleep 2; ${take}; sleep 2`], linux: within(16 * MIB) });
  await using events = startRuntime(["events", "--interval", "300ms", box.id]);
  const told = () => {
    const lines = events.printed().stdout.split("\n").slice(0, -1); // what follows is still being written
    return lines.map((line) => JSON.parse(line) as { type: string; id: string }); // as the test above shows
  };
  await waitUntil(() => told().some(({ type }) => type === "oom"), "it is told");
  assert.equal(
    told().filter(({ type }) => type === "oom"),
    [{ type: "oom", id: box.id }],
  );
  assert.ok(told().some(({ type }) => type === "stats"));
  assert.is((await events.ended()).status, 0);
});

leavesNothing();
test.run();
