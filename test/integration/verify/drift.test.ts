// Runs beside other files.
// What has become of a container since it was made.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { capabilities, type Patch } from "../../harness/bundle.ts";
import { cgroup2Mount, cgroup2Of } from "../../harness/cgroups.ts";
import { type Container, started } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { command } from "../../harness/mount.ts";
import { runtime, silent } from "../../harness/runtime.ts";
import { inside, RICH, verified } from "./verified.ts";

interface Drift {
  readonly what: string;
  readonly patch?: Patch;
  readonly act: (box: Container) => void;
  /** What is told of it: `PATH: FOUND`. */
  readonly told: readonly (string | RegExp)[];
}

const DRIFTS: readonly Drift[] = [
  {
    what: "a mount that has lost a flag",
    act: (box) => inside(box.pid(), "mount -o remount,bind,exec,nosuid,nodev /dev/shm"),
    told: [/^mounts\[3\]\.options: tmpfs on \/dev\/shm \(rw,nosuid,nodev,.*\): lacks noexec$/],
  },
  {
    what: "a volume that can be written",
    act: (box) => inside(box.pid(), "mount -o remount,bind,rw /www"),
    told: [/^mounts\[6\]\.options: .* on \/www \(rw,.*\): lacks ro$/],
  },
  {
    what: "a file system with another size",
    act: (box) => inside(box.pid(), "mount -o remount,size=1m,nosuid,nodev,noexec /dev/shm"),
    told: [/^mounts\[3\]\.options: .*: has size=1024k in place of 65536k$/],
  },
  {
    what: "a mount that is gone",
    act: (box) => inside(box.pid(), "umount /dev/mqueue"),
    told: ["mounts[4]: not mounted: /dev/mqueue belongs to the mount on /dev"],
  },
  {
    what: "a mount that was added",
    act: (box) => inside(box.pid(), "mount -t ramfs none /home"),
    told: ["mounts: added: ramfs on /home (rw,relatime)"],
  },
  {
    what: "a mount over another",
    act: (box) => inside(box.pid(), "mount -t ramfs none /www"),
    told: [/^mounts\[6\]: ramfs on \/www \(rw,relatime\): is not what is at .* now$/],
  },
  {
    what: "a mask that is gone",
    act: (box) => inside(box.pid(), "umount /proc/keys"),
    told: ["linux.maskedPaths[3]: /proc/keys can be read"],
  },
  {
    what: "a read-only path that can be written",
    act: (box) => inside(box.pid(), "mount -o remount,bind,rw /proc/sys"),
    told: [/^linux\.readonlyPaths\[3\]: \/proc\/sys can be written: proc on \/proc\/sys \(rw,/],
  },
  {
    what: "a root that can be written",
    act: (box) => inside(box.pid(), "mount -o remount,bind,rw /"),
    told: [/^root\.readonly: .* on \/ \(rw,/],
  },
  {
    what: "how likely the OOM killer takes the process",
    act: (box) => writeFileSync(`/proc/${box.pid()}/oom_score_adj`, "400"),
    told: ["process.oomScoreAdj: 400"],
  },
  {
    what: "a device that is gone, and one that was added",
    act: (box) => inside(box.pid(), "rm /dev/full; mknod /dev/sda b 8 0"),
    told: ["linux.devices: nothing is at /dev/full", "linux.devices: added: /dev/sda (b 8:0)"],
  },
  {
    what: "a device's mode",
    act: (box) => inside(box.pid(), "chmod 666 /dev/fuse"),
    told: ["linux.devices[0]: /dev/fuse (c 10:229) with mode 0666 and owner 7:8"],
  },
  {
    what: "the host name",
    act: (box) => command("nsenter", "--target", String(box.pid()), "--uts", "hostname", "other"),
    told: ["hostname: other"],
  },
  {
    what: "a sysctl",
    act: (box) => {
      const write = "echo 0 >/proc/sys/net/ipv4/ip_forward";
      command("nsenter", "--target", String(box.pid()), "--net", "sh", "-c", write);
    },
    told: ['linux.sysctl["net.ipv4.ip_forward"]: 0'],
  },
  {
    what: "a limit of the cgroup, by another's hand",
    act: (box) => writeFileSync(join(cgroup2Of(box.pid()), "cgroup.max.descendants"), "9"),
    told: ['linux.resources.unified["cgroup.max.descendants"]: 9 (cgroup.max.descendants)'],
  },
  {
    what: "a limit, by tsrun update",
    act: (box) => {
      const input = '{"unified":{"cgroup.max.descendants":"8"}}';
      silent(runtime(["update", "--resources", "-", box.id], { input }));
    },
    told: [
      'linux.resources.unified["cgroup.max.descendants"]: 8 (cgroup.max.descendants), set by tsrun update',
    ],
  },
  {
    what: "another cgroup",
    act: (box) => writeFileSync(join(cgroup2Mount(), "cgroup.procs"), String(box.pid())),
    told: ["linux.cgroupsPath: the process is in /"],
  },
];

for (const { what, patch = RICH, act, told } of DRIFTS)
  testTsrun(`drift is told: ${what}`, () => {
    using box = started(patch);
    act(box);
    const { differs, outcome } = verified(box.id);
    assert.is(outcome.status, 1);
    assert.is(differs.length, told.length, differs.join("\n"));
    for (const [index, line] of told.entries()) {
      if (typeof line === "string") assert.is(differs[index], line);
      else assert.match(differs[index] ?? "", line, differs.join("\n"));
    }
  });

testTsrun("what a program may have changed by itself is told, and is no drift", () => {
  const script = "ulimit -S -n 100; umask 0; cd /sys; exec sleep 600";
  using box = started({ args: ["sh", "-c", script], process: { user: { umask: 0o22 } } });
  const { differs, changed, outcome } = until(box, (found) => found.changed.length === 3);
  assert.equal(differs, []);
  assert.equal(changed, [
    "process.user.umask: 0000",
    "process.cwd: /sys",
    "process.rlimits[0]: RLIMIT_NOFILE soft 100, hard 1024",
  ]);
  assert.is(outcome.status, 0);
});

function until(box: Container, condition: (found: ReturnType<typeof verified>) => boolean) {
  for (let tries = 0; ; tries++) {
    const found = verified(box.id);
    if (condition(found) || tries === 100) return found;
  }
}

testTsrun("a program that enters another root is told of", () => {
  const patch: Patch = {
    args: [
      "sh",
      "-c",
      "mkdir /home/bin && cp /bin/busybox /home/bin && exec chroot /home /bin/busybox sleep 600",
    ],
    process: { capabilities: capabilities(["CAP_SYS_CHROOT"]) },
    linux: { maskedPaths: [] },
  };
  using box = started(patch);
  const found = until(box, ({ differs }) =>
    differs.some((line) => line.startsWith("root.path: another directory")),
  );
  assert.is(found.outcome.status, 1);
  assert.ok(
    found.differs.some((line) => line.startsWith("root.path: another directory")),
    found.differs.join("\n"),
  );
});

leavesNothing();
test.run();
