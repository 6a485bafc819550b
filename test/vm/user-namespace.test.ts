// Runs beside other files.
import { chownSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DEFAULT_MOUNTS, namespaces } from "../harness/bundle.ts";
import { inside, started } from "../harness/container.ts";
import { freshDirectory } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { status } from "../harness/processes.ts";
import { cgroupOf } from "./cgroup.ts";

const RANGES = [
  { containerID: 0, hostID: 100000, size: 1000 },
  { containerID: 1000, hostID: 1000, size: 1 },
  { containerID: 1001, hostID: 101001, size: 64535 },
];
const MAPPED = { namespaces: namespaces({ user: true }), uidMappings: RANGES, gidMappings: RANGES };

test("many ranges are mapped", () => {
  const ranges = Array.from({ length: 200 }, (_, n) => ({
    containerID: n * 10,
    hostID: 100_000 + n * 20,
    size: 10,
  }));
  const linux = { ...MAPPED, uidMappings: ranges, gidMappings: ranges };
  assert.is(inside(["sh", "-c", "wc -l < /proc/self/uid_map"], { linux }), "200\n");
});

test("a file belongs to the user of its range, inside and outside", () => {
  const volume = freshDirectory("volume");
  chownSync(volume, 1000, 1000);
  writeFileSync(join(volume, "theirs"), "");
  chownSync(join(volume, "theirs"), 101_500, 101_500);
  const seen = inside(["sh", "-c", "stat -c %u /www /www/theirs; echo x > /www/mine"], {
    process: { user: { uid: 1000, gid: 1000 } },
    linux: MAPPED,
    mounts: [...DEFAULT_MOUNTS, { destination: "/www", type: "bind", source: volume, options: ["rbind"] }],
  });
  assert.is(seen, "1000\n1500\n");
  assert.is(statSync(join(volume, "mine")).uid, 1000);
});

test("a user of a late range is that user of the host's, with limits that hold", () => {
  using box = started({
    args: ["sleep", "60"],
    process: { user: { uid: 2000, gid: 2000 } },
    linux: { ...MAPPED, resources: { pids: { limit: 7 } } },
  });
  assert.is(status(box.pid()).get("Uid"), "102000\t102000\t102000\t102000");
  assert.is(cgroupOf(box).read("pids.max"), "7");
});

leavesNothing();
test.run();
