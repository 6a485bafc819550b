// Runs beside other files.
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { JsonObject } from "../harness/bundle.ts";
import { cgroup2Mount } from "../harness/cgroups.ts";
import { started } from "../harness/container.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { measured } from "../harness/measured.ts";
import { succeeded } from "../harness/runtime.ts";
import { cgroupOf } from "./cgroup.ts";

const MIB = 1024 * 1024;
const { rdev } = statSync("/dev/vda");
const [major, minor] = [rdev >> 8, rdev & 0xff];

/** A container that has the machine's first disk, with limits on it. */
function withDisk(limits: JsonObject) {
  return started({
    args: ["sleep", "60"],
    linux: {
      devices: [{ path: "/dev/disk", type: "b", major, minor, fileMode: 0o600 }],
      resources: {
        devices: [
          { allow: false, access: "rwm" },
          { allow: true, type: "b", major, minor, access: "rw" },
        ],
        ...limits,
      },
    },
  });
}

test("blockIO's rates are io.max", () => {
  const limit = (rate: number) => [{ major, minor, rate }];
  using box = withDisk({
    blockIO: {
      throttleReadBpsDevice: limit(MIB),
      throttleWriteBpsDevice: limit(2 * MIB),
      throttleReadIOPSDevice: limit(300),
      throttleWriteIOPSDevice: limit(400),
    },
  });
  const expected = `${major}:${minor} rbps=1048576 wbps=2097152 riops=300 wiops=400`;
  assert.is(cgroupOf(box).read("io.max"), expected);
});

test("reading at 2 MiB/s takes the time that it takes", () => {
  using box = withDisk({ unified: { "io.max": `${major}:${minor} rbps=${2 * MIB}` } });
  const began = performance.now();
  succeeded(box.exec("dd", "if=/dev/disk", "of=/dev/null", "bs=64k", "count=64", "iflag=direct"));
  const seconds = (performance.now() - began) / 1000;
  measured("time to read 4 MiB at 2 MiB/s", `${seconds.toFixed(2)} s`);
  assert.ok(seconds > 1.5, `${seconds}`);
  const read = cgroupOf(box)
    .read("io.stat")
    .match(new RegExp(`^${major}:${minor} rbytes=(\\d+)`, "m"))?.[1];
  assert.is(Number(read), 4 * MIB);
});

test("without a limit it doesn't", () => {
  using box = withDisk({});
  const times = [1, 2, 3].map(() => {
    const began = performance.now();
    succeeded(box.exec("dd", "if=/dev/disk", "of=/dev/null", "bs=64k", "count=64", "iflag=direct"));
    return performance.now() - began;
  });
  assert.ok(Math.min(...times) < 1500, `${times}`);
});

// Weights, which count where the kernel's cost model is at work on the disk

const COST = join(cgroup2Mount(), "io.cost.qos");

test("blockIO's weights are io.weight, the disk's own first", () => {
  writeFileSync(COST, `${major}:${minor} enable=1`);
  using box = withDisk({ blockIO: { weight: 505, weightDevice: [{ major, minor, weight: 1000 }] } });
  assert.is(cgroupOf(box).read("io.weight"), `default 5000\n${major}:${minor} 10000`);
});

test.after(() => writeFileSync(COST, `${major}:${minor} enable=0`));
leavesNothing();
test.run();
