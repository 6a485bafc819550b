// Runs beside other files.
// What is mounted, masked and written in /proc, whatever an image or a volume has prepared.
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS, type JsonObject, namespaces } from "../../harness/bundle.ts";
import { ran, ranIn } from "../../harness/container.ts";
import { freshDirectory } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { hostile, outside, rightOrRefused } from "../../harness/outside.ts";
import { complaint, succeeded } from "../../harness/runtime.ts";

const PROC: JsonObject = { destination: "/proc", type: "proc", source: "proc" };

hostile("masks are the host's /dev/null, whatever the image has there (CVE-2025-31133)", () => {
  const linux = { maskedPaths: ["/proc/keys"] };
  const args = ["stat", "-c", "%F %t:%T", "/proc/keys"];
  for (const target of ["/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", join(outside, "secret")]) {
    for (const mounts of [[PROC], DEFAULT_MOUNTS]) {
      const { path, rootfs } = bundle({ args, mounts, linux });
      symlinkSync(target, join(rootfs, "dev/null"));
      rightOrRefused(ranIn(path), /^character special file 1:3\n$/);
    }
  }
});

for (const [what, mount] of [
  ["a tmpfs", { type: "tmpfs", source: "tmpfs" }],
  ["a directory of the host", { type: "bind", source: outside, options: ["rbind"] }],
  ["a directory of the host, without a type,", { source: outside, options: ["bind"] }],
  ["a sysfs", { type: "sysfs", source: "sysfs" }],
] as const) {
  hostile(`${what} on /proc is refused (CVE-2019-19921)`, () => {
    assert.match(complaint(ran({ mounts: [{ destination: "/proc", ...mount }] })), /mounts\[0\].*proc/);
    assert.match(complaint(ran({ mounts: [PROC, { destination: "/proc", ...mount }] })), /mounts\[1\].*proc/);
  });
}

hostile("a procfs may be bound on /proc", () => {
  const mounts = [{ destination: "/proc", type: "bind", source: "/proc", options: ["rbind"] }];
  const linux = { namespaces: namespaces({ pid: false }) };
  assert.is(succeeded(ran({ args: ["stat", "-f", "-c", "%T", "/proc"], mounts, linux })).stdout, "proc\n");
});

for (const [target, place] of [
  ["/proc/self", "way/attr"],
  ["/proc/sys", "way"],
  ["/proc/self/task/1/attr", "way"],
  ["../proc/sys", "way/kernel"],
] as const) {
  hostile(`a mount through a volume's link to ${target} is refused`, () => {
    const volume = freshDirectory("volume");
    symlinkSync(target, join(volume, "way"));
    const mounts = [
      ...DEFAULT_MOUNTS,
      { destination: "/volume", type: "bind", source: volume, options: ["rbind"] },
      { destination: `/volume/${place}`, type: "bind", source: outside, options: ["rbind"] },
    ];
    assert.match(complaint(ran({ mounts })), /mounts\[7\].*\/proc/);
  });
}

hostile("sysctls are written to no file but the kernel's (CVE-2025-52881)", () => {
  const sysctl = { "net.ipv4.ip_forward": "1", "kernel.msgmax": "4242" };
  const values = ["/proc/sys/net/ipv4/ip_forward", "/proc/sys/kernel/msgmax"];
  for (const mounts of [[], DEFAULT_MOUNTS]) {
    const { path, rootfs } = bundle({
      args: ["cat", ...values],
      mounts,
      linux: { sysctl, readonlyPaths: [] },
    });
    for (const value of values) {
      mkdirSync(join(rootfs, value, ".."), { recursive: true });
      symlinkSync(join(outside, "secret"), join(rootfs, value));
      symlinkSync(outside, join(rootfs, value, "../more"));
    }
    mkdirSync(join(rootfs, outside), { recursive: true });
    writeFileSync(join(rootfs, outside, "secret"), "image's\n");
    const seen = succeeded(ranIn(path)).stdout;
    assert.is(seen, mounts.length === 0 ? "image's\nimage's\n" : "1\n4242\n");
  }
});

leavesNothing();
test.run();
