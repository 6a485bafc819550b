// Runs beside other files.
import { statSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../harness/bundle.ts";
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

/** What a container with a rule's access can do with the device. */
function possible(type: "b" | "c", device: string, access: string): string {
  const { rdev } = statSync(device);
  const [major, minor] = [rdev >> 8, rdev & 0xff];
  const { path, rootfs } = bundle({
    args: ["sh", "-c", TRY],
    linux: {
      resources: {
        devices: [
          { allow: false, access: "rwm" },
          ...(access === "" ? [] : [{ allow: true, type, major, minor, access }]),
        ],
      },
    },
  });
  command("mknod", join(rootfs, "device"), type, String(major), String(minor));
  return succeeded(ranIn(path)).stdout;
}

for (const [type, device] of DEVICES) {
  for (const access of ["", "r", "w", "m", "rm", "rw", "rwm"]) {
    test(`a rule for "${access}" opens ${device} for that and nothing else`, () => {
      assert.is(possible(type, device, access), access.replace("m", ""));
    });
  }
}

leavesNothing();
test.run();
