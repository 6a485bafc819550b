// Runs beside other files.
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type JsonObject, namespaces } from "../../harness/bundle.ts";
import { inside, ran, started } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint, succeeded } from "../../harness/runtime.ts";

const OFFSETS = [
  "sh",
  "-c",
  'while read clock secs nanosecs; do echo "$clock $secs $nanosecs"; done < /proc/self/timens_offsets',
];

/** A patch with a new time namespace, whose clocks are set off. runc 1.1 knows none. */
function clocks(timeOffsets: JsonObject, changes = {}): JsonObject {
  return { linux: { namespaces: namespaces({ time: true, ...changes }), timeOffsets } };
}

testTsrun("timeOffsets set off the clocks of a new time namespace", () => {
  const timeOffsets = {
    monotonic: { secs: 1000, nanosecs: 500 },
    boottime: { secs: 8_640_000, nanosecs: 7 },
  };
  assert.is(inside(OFFSETS, clocks(timeOffsets)), "monotonic 1000 500\nboottime 8640000 7\n");
  const own = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  const seen = Number(inside(["cut", "-d", " ", "-f", "1", "/proc/uptime"], clocks(timeOffsets)));
  assert.ok(seen - own >= 8_640_000 && seen - own < 8_640_060, `${seen} for ${own}`);
});

testTsrun("an offset may be negative, of one clock alone, and without nanoseconds", () => {
  assert.is(inside(OFFSETS, clocks({ monotonic: { secs: -1 } })), "monotonic -1 0\nboottime 0 0\n");
});

testTsrun("an offset may be of nanoseconds alone", () => {
  const offsets = { monotonic: { nanosecs: 5 }, boottime: { secs: 0, nanosecs: 999_999_999 } };
  assert.is(inside(OFFSETS, clocks(offsets)), "monotonic 0 5\nboottime 0 999999999\n");
});

testTsrun("timeOffsets hold in a new user namespace, and for what is executed later", () => {
  const mappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const { linux } = clocks({ boottime: { secs: 5 } }, { user: true }) as { linux: JsonObject }; // as made above
  using one = started({
    args: ["sleep", "60"],
    linux: { ...linux, uidMappings: mappings, gidMappings: mappings },
  });
  assert.is(succeeded(one.exec(...OFFSETS)).stdout, "monotonic 0 0\nboottime 5 0\n");
});

testTsrun("an offset that would make a clock negative is refused", () => {
  const said = complaint(ran({ args: ["true"], ...clocks({ boottime: { secs: -1_000_000_000 } }) }));
  assert.match(said, /linux\.timeOffsets.*ERANGE/);
});

testTsrun("timeOffsets without a new time namespace are refused", () => {
  const linux = { timeOffsets: { boottime: { secs: 5 } } };
  assert.match(complaint(ran({ args: ["true"], linux })), /linux\.timeOffsets/);
});

leavesNothing();
test.run();
