// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { JsonObject } from "../harness/bundle.ts";
import { container, created, ran, started } from "../harness/container.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { runtime, silent, startRuntime } from "../harness/runtime.ts";
import { waitUntil } from "../harness/wait.ts";
import { cgroupOf } from "./cgroup.ts";

const LIMIT = 16 * 1024 * 1024;
const LIMITED: JsonObject = { resources: { memory: { limit: LIMIT, swap: LIMIT } } };
const TAKE = ["dd", "if=/dev/zero", "of=/dev/shm/taken", "bs=1M", "count=32"];

interface Event {
  readonly type: string;
  readonly id: string;
}

interface Stats extends Event {
  readonly data: {
    readonly memory: { readonly usage: { readonly limit: number; readonly usage: number } };
  };
}

test("run ends with 137 when its container is killed for memory", () => {
  assert.is(ran({ args: TAKE, linux: LIMITED }).status, 137);
});

test("a container whose init is killed for memory is stopped, and its cgroup tells why", async () => {
  using box = started({ args: ["sh", "-c", `sleep 1; exec ${TAKE.join(" ")}`], linux: LIMITED });
  const cgroup = cgroupOf(box);
  await box.until("stopped");
  assert.is(cgroup.value("memory.events", "oom_kill"), 1);
  const { ended } = JSON.parse(silent(box.call("state")).stdout);
  assert.match(ended.reason, /out of memory/);
  assert.is(ended.oomKills, 1);
  const limit = `memory.max is ${LIMIT}, config.json: linux.resources.memory.limit (${LIMIT}), met `;
  assert.match(silent(box.call("why")).stdout, limit);
});

test("state tells memory that ran out from any other SIGKILL, when run --keep has waited", async () => {
  using box = container({ args: TAKE, linux: LIMITED });
  assert.is(runtime(["run", "--keep", "--bundle", box.bundle.path, box.id]).status, 137);
  const { ended } = JSON.parse(silent(box.call("state")).stdout);
  assert.equal(ended, { reason: "killed by SIGKILL; out of memory", signal: "SIGKILL", oomKills: 1 });
});

test("events tells of the kill, once", async () => {
  const script = `${TAKE.join(" ")} 2>/dev/null; exec sleep 60`;
  using box = created({ args: ["sh", "-c", script], linux: LIMITED });
  await using events = startRuntime(["events", "--interval", "200ms", box.id]);
  const seen = () => events.printed().stdout.split("\n").slice(0, -1);
  await waitUntil(() => seen().length > 0, "events is at it");
  box.start();
  const kills = () => seen().filter((line) => (JSON.parse(line) as Event).type === "oom"); // what events prints
  await waitUntil(() => kills().length > 0, "the kill is told");
  const lines = seen().length;
  await waitUntil(() => seen().length > lines + 2, "it goes on with statistics");
  assert.equal(kills(), [JSON.stringify({ type: "oom", id: box.id })]);
});

test("statistics tell the limit, and that no more was used", async () => {
  const script = `${TAKE.join(" ")} 2>/dev/null; echo over; exec sleep 60`;
  using box = started({ args: ["sh", "-c", script], linux: LIMITED });
  await waitUntil(() => box.printed().includes("over"), "the process was killed");
  const { data } = JSON.parse(silent(runtime(["events", "--stats", box.id])).stdout) as Stats; // what events prints
  assert.is(data.memory.usage.limit, LIMIT);
  const { usage } = data.memory.usage;
  assert.ok(usage > LIMIT / 2 && usage <= LIMIT, `${usage}`);
});

leavesNothing();
test.run();
