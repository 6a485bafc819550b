// Runs beside other files.
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { namespaces } from "../harness/bundle.ts";
import { inside, ran } from "../harness/container.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { testIf } from "../harness/skip.ts";

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

const supported = !ran({ linux: SHIFTED }).stderr.includes("not supported by this version");

testIf(supported, "linux.timeOffsets are not applied yet")("a container of another uptime", () => {
  const seen = uptime(inside(["cat", "/proc/uptime"], { linux: SHIFTED }));
  const own = uptime(readFileSync("/proc/uptime", "utf8"));
  assert.ok(Math.abs(seen - own - DAY) < 10, `${seen} and ${own}`);
});

leavesNothing();
test.run();
