// Runs beside other files.
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { namespaces } from "../harness/bundle.ts";
import { inside } from "../harness/container.ts";
import { leavesNothing } from "../harness/leaks.ts";

const DAY = 86_400;
const SHIFTED = {
  namespaces: namespaces({ time: true }),
  timeOffsets: { boottime: { secs: DAY, nanosecs: 0 } },
};

function uptime(text: string): number {
  return Number(text.split(" ")[0]);
}

test("without offsets the clocks of a new time namespace are the host's", () => {
  const linux = { namespaces: namespaces({ time: true }) };
  const seen = uptime(inside(["cat", "/proc/uptime"], { linux }));
  const own = uptime(readFileSync("/proc/uptime", "utf8"));
  assert.ok(Math.abs(own - seen) < 10, `${seen} and ${own}`);
});

test("linux.timeOffsets give a container another uptime", () => {
  const seen = uptime(inside(["cat", "/proc/uptime"], { linux: SHIFTED }));
  const own = uptime(readFileSync("/proc/uptime", "utf8"));
  assert.ok(Math.abs(seen - own - DAY) < 10, `${seen} and ${own}`);
});

leavesNothing();
test.run();
