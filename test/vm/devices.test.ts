// Runs beside other files.
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, type JsonObject } from "../harness/bundle.ts";
import { ranIn } from "../harness/container.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { command } from "../harness/mount.ts";
import { succeeded } from "../harness/runtime.ts";

/** Devices of this machine that no default rule speaks of. */
const DEVICES = [
  ["b", "/dev/vda"],
  ["c", "/dev/fuse"],
] as const;

/**
 * Tries to open the device and prints the letters of what works. Nodes may always be made: as with runc, it is
 * CAP_MKNOD that decides about that.
 */
const TRY = "(: < /device) 2>/dev/null && printf r; (: >> /device) 2>/dev/null && printf w; true";

/** The numbers of a device. */
function numbersOf(device: string) {
  const { rdev } = statSync(device);
  return { major: rdev >> 8, minor: rdev & 0xff };
}

/** What a container with these rules, after one that denies all, can do with the device. */
function possible(type: "b" | "c", device: string, rules: readonly JsonObject[]): string {
  const devices = [{ allow: false, access: "rwm" }, ...rules];
  const { path, rootfs } = bundle({ args: ["sh", "-c", TRY], linux: { resources: { devices } } });
  const { major, minor } = numbersOf(device);
  command("mknod", join(rootfs, "device"), type, String(major), String(minor));
  return succeeded(ranIn(path)).stdout;
}

for (const [type, device] of DEVICES) {
  for (const access of ["", "r", "w", "m", "rm", "rw", "rwm"]) {
    test(`a rule for "${access}" opens ${device} for that and nothing else`, () => {
      const rules = access === "" ? [] : [{ allow: true, type, ...numbersOf(device), access }];
      assert.is(possible(type, device, rules), access.replace("m", ""));
    });
  }
}

const { major: misc, minor: fuse } = numbersOf("/dev/fuse");

test("a rule without a minor number is for all devices of the major", () => {
  const rules = [{ allow: true, type: "c", major: misc, access: "rw" }];
  assert.is(possible("c", "/dev/fuse", rules), "rw");
  assert.is(possible("b", "/dev/vda", rules), "");
});

test("a later rule takes back what an earlier one gives, and leaves the rest", () => {
  const all = { allow: true, type: "c", major: misc, access: "rwm" };
  const rules = [all, { allow: false, type: "c", major: misc, minor: fuse, access: "w" }];
  assert.is(possible("c", "/dev/fuse", rules), "r");
  assert.is(possible("c", "/dev/loop-control", rules), "rw");
});

test("a rule for all devices opens every kind", () => {
  const rules = [{ allow: true, type: "a", access: "rwm" }];
  for (const [type, device] of DEVICES) assert.is(possible(type, device, rules), "rw", device);
});

leavesNothing();
test.run();
