// Runs beside other files.
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  capabilities,
  DEFAULT_MOUNTS,
  type JsonObject,
  namespaces,
  type Patch,
} from "../../harness/bundle.ts";
import { cgroup2Mount, cgroup2Of } from "../../harness/cgroups.ts";
import { type Container, created, orGone, started } from "../../harness/container.ts";
import { stateRoot, testTsrun, workDirectory } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { command } from "../../harness/mount.ts";
import { outside, SECRET } from "../../harness/outside.ts";
import { PEERS, startedBy, testPeer } from "../../harness/peer.ts";
import { complaint, refusal, runtime, silent } from "../../harness/runtime.ts";
import { type ConfigText, edit, inside, verified } from "./verified.ts";

chmodSync(workDirectory, 0o711); // runc opens the rootfs as the root of a user namespace

const SLEEP = { args: ["sleep", "600"] };

const DATA = { destination: "/www", type: "bind", source: outside, options: ["rbind", "ro", "nosuid"] };

/** Something of everything that can be verified here. */
const RICH: Patch = {
  ...SLEEP,
  process: {
    user: { uid: 1000, gid: 1000, umask: 0o27, additionalGids: [5, 60] },
    cwd: "/tmp",
    capabilities: capabilities(["CAP_NET_RAW", "CAP_CHOWN"], { ambient: true }),
    oomScoreAdj: 300,
    rlimits: [
      { type: "RLIMIT_NOFILE", soft: 512, hard: 1024 },
      { type: "RLIMIT_CORE", soft: 0, hard: 0 },
    ],
  },
  root: { path: "rootfs", readonly: true },
  mounts: [
    ...DEFAULT_MOUNTS,
    DATA,
    {
      destination: "/run",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "nodev", "size=64k", "mode=711"],
    },
  ],
  linux: {
    devices: [{ path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o640, uid: 7, gid: 8 }],
    sysctl: {
      "net.ipv4.ip_forward": "1",
      "kernel.shmmax": "65536",
      "net.ipv4.ip_local_port_range": "20000 30000",
    },
    resources: { devices: [{ allow: false, access: "rwm" }], unified: { "cgroup.max.descendants": "7" } },
    seccomp: {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["acct"], action: "SCMP_ACT_ERRNO" }],
    },
  },
};

const MAPPING = [{ containerID: 0, hostID: 100_000, size: 65_536 }];

/** The same in a user namespace, where devices are the host's. */
const MAPPED: Patch = {
  ...RICH,
  root: { path: "rootfs", readonly: false },
  linux: {
    ...(RICH["linux"] as JsonObject), // as it is above
    devices: [],
    namespaces: namespaces({ user: true }),
    uidMappings: MAPPING,
    gidMappings: MAPPING,
  },
};

const KINDS: readonly (readonly [name: string, patch: Patch])[] = [
  ["an ordinary container", SLEEP],
  ["a container with something of everything", RICH],
  ["a container in a user namespace", MAPPED],
];

for (const [name, patch] of KINDS)
  testTsrun(`${name} has what its config.json says`, () => {
    using box = started(patch);
    const { differs, changed, unseen, outcome } = verified(box.id);
    assert.equal({ differs, changed, unseen }, { differs: [], changed: [], unseen: [] });
    assert.is(outcome.status, 0);
  });

for (const peer of PEERS) {
  for (const [name, patch] of KINDS)
    testPeer(peer, `${name} of ${peer} has what its config.json says`, async () => {
      await using box = await startedBy(peer, patch);
      const { differs, changed, unseen, outcome } = verified(
        "--pid",
        String(box.pid),
        "--bundle",
        box.bundle.path,
      );
      assert.equal({ differs, changed, unseen }, { differs: [], changed: [], unseen: [] });
      assert.is(outcome.status, 0);
    });

  testPeer(peer, `what was changed in a container of ${peer} is told`, async () => {
    await using box = await startedBy(peer, RICH);
    inside(box.pid, "mount -t tmpfs none /home; mount -o remount,bind,exec,ro /dev/shm; umount /proc/keys");
    writeFileSync(`/proc/${box.pid}/oom_score_adj`, "400");
    const { differs, outcome } = verified("--pid", String(box.pid), "--bundle", box.bundle.path);
    assert.equal(differs.map(pathOf), [
      "process.oomScoreAdj",
      "mounts[3].options",
      "mounts",
      "linux.maskedPaths[3]",
    ]);
    assert.is(outcome.status, 1);
  });
}

const pathOf = (line: string) => line.slice(0, line.indexOf(": "));

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
    act: (box) => inside(box.pid(), "mount -t tmpfs none /home"),
    told: ["mounts: added: tmpfs on /home (rw,relatime)"],
  },
  {
    what: "a mount over another",
    act: (box) => inside(box.pid(), "mount -t tmpfs none /www"),
    told: [/^mounts\[6\]: tmpfs on \/www \(rw,relatime\): is not what is at .* now$/],
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

/** What a config.json says that its container was not made with. */
const EDITS: readonly (readonly [
  what: string,
  change: (config: ConfigText) => JsonObject,
  told: readonly string[],
])[] = [
  [
    "capabilities",
    inProcess({ capabilities: capabilities(["CAP_NET_RAW"], { ambient: true }) }),
    ["bounding", "permitted", "effective", "inheritable", "ambient"].map(
      (set) => `process.capabilities.${set}: has CAP_CHOWN besides`,
    ),
  ],
  ["no_new_privs", inProcess({ noNewPrivileges: true }), ["process.noNewPrivileges: false"]],
  [
    "users and groups",
    inProcess({ user: { uid: 3, gid: 4, additionalGids: [5] } }),
    ["process.user.uid: 1000", "process.user.gid: 1000", "process.user.additionalGids: 5, 60"],
  ],
  [
    "limits",
    inProcess({ rlimits: [{ type: "RLIMIT_NOFILE", soft: 10, hard: 100 }] }),
    ["process.rlimits[0]: RLIMIT_NOFILE soft 512, hard 1024"],
  ],
  [
    "a profile of AppArmor",
    inProcess({ apparmorProfile: "no-such-profile" }),
    [`process.apparmorProfile: ${profile()}`],
  ],
  [
    "a seccomp filter",
    inLinux({ seccomp: { defaultAction: "SCMP_ACT_ALLOW" } }),
    ["linux.seccomp: no filter"],
  ],
  [
    "namespaces",
    inLinux({ namespaces: namespaces({ network: false, cgroup: true, ipc: "/proc/self/ns/ipc" }) }),
    ["linux.namespaces: network namespace: its own", "linux.namespaces[4]: cgroup namespace: the host's"],
  ],
  [
    "id mappings",
    inLinux({ namespaces: namespaces({ user: true }), uidMappings: MAPPING, gidMappings: MAPPING }),
    ["linux.namespaces[5]: user namespace: the host's", "linux.uidMappings: 0 0 4294967295"],
  ],
  [
    "a sysctl that isn't there",
    inLinux({ sysctl: { "net.no_such": "1" } }),
    ['linux.sysctl["net.no_such"]: no such sysctl'],
  ],
  [
    "mounts",
    (config) => ({ ...config, mounts: [...config.mounts, { destination: "/none", type: "tmpfs" }] }),
    ["mounts[6]: nothing is at /none"],
  ],
];

function inProcess(change: JsonObject): (config: ConfigText) => JsonObject {
  return (config) => ({ ...config, process: { ...config.process, ...change } });
}

function inLinux(change: JsonObject): (config: ConfigText) => JsonObject {
  return (config) => ({ ...config, linux: { ...config.linux, ...change } });
}

/** The profile that a process has here without asking for one. */
function profile(): string {
  const [file] = ["/proc/self/attr/apparmor/current", "/proc/self/attr/current"].filter((path) =>
    existsSync(path),
  );
  try {
    return file === undefined ? "none" : readFileSync(file, "utf8").trim();
  } catch {
    return "none"; // no module answers
  }
}

/** Without a filter or no_new_privs, so that these can be lacking. */
const PLAIN: Patch = { ...SLEEP, process: { ...(RICH["process"] as JsonObject), noNewPrivileges: false } }; // as it is above

for (const [what, change, told] of EDITS)
  testTsrun(`what a config.json says that its container was not made with is told: ${what}`, () => {
    using box = started(PLAIN);
    edit(box.bundle, change);
    const { differs, outcome } = verified(box.id);
    for (const line of told) assert.ok(differs.includes(line), `${line}\nnot in\n${differs.join("\n")}`);
    assert.is(outcome.status, 1);
  });

const DENY_ALL = { allow: false, access: "rwm" };

testTsrun("which devices may be used is told, from what the kernel runs", () => {
  const [fuse, disks] = [
    { allow: true, type: "c", major: 10, minor: 229, access: "rw" },
    { allow: true, type: "b", major: 8, access: "r" },
  ];
  using box = started({ ...SLEEP, linux: { resources: { devices: [DENY_ALL, fuse] } } });
  assert.equal(verified(box.id).differs, []);
  edit(box.bundle, inLinux({ resources: { devices: [DENY_ALL, disks] } }));
  const { differs, outcome } = verified(box.id);
  assert.is(differs.length, 2, differs.join("\n"));
  assert.match(differs[0] ?? "", /^linux\.resources\.devices: b 8:\*, b 8:\d+, .* and \d+ more: m$/);
  assert.is(differs[1], "linux.resources.devices: c 10:229: mrw");
  assert.is(outcome.status, 1);
});

testTsrun("a container that may use every device, and should not, is told", () => {
  using box = started({ ...SLEEP, linux: { resources: { devices: [{ allow: true, access: "rwm" }] } } });
  assert.equal(verified(box.id).differs, []);
  edit(box.bundle, inLinux({ resources: { devices: [DENY_ALL] } }));
  assert.equal(verified(box.id).differs, [
    "linux.resources.devices: every device is allowed: no device program",
  ]);
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

testTsrun("trouble comes first, a line each with its path, what is there and what was asked", () => {
  using box = started(SLEEP);
  edit(box.bundle, inProcess({ oomScoreAdj: 7, cwd: "/tmp" }));
  const { stdout, status } = runtime(["verify", box.id]);
  const score = readFileSync(`/proc/${box.pid()}/oom_score_adj`, "utf8").trim();
  const [first, second, last] = stdout.split("\n");
  assert.is(first, `process.oomScoreAdj: ${score}; asked: 7`);
  assert.is(second, "changed by the program itself, it seems: process.cwd: /; asked: /tmp");
  assert.match(last ?? "", /^\d+ as asked, 1 different, 1 changed by the program itself$/);
  assert.is(status, 1);
});

testTsrun(
  "a container of a pod has the sandbox's namespaces, and that can't be told once the sandbox is gone",
  () => {
    using sandbox = started(SLEEP);
    const path = `/proc/${sandbox.pid()}/ns/net`;
    using box = started({ ...SLEEP, linux: { namespaces: namespaces({ network: path }) } });
    assert.equal(verified(box.id).differs, []);
    edit(box.bundle, (config) => ({
      ...config,
      linux: { ...config.linux, namespaces: namespaces({ network: "/proc/self/ns/net" }) },
    }));
    assert.match(
      verified(box.id).differs[0] ?? "",
      /^linux\.namespaces\[1\]\.path: network namespace net:\[\d+\]$/,
    );
    edit(box.bundle, (config) => ({
      ...config,
      linux: { ...config.linux, namespaces: namespaces({ network: path }) },
    }));
    silent(runtime(["delete", "--force", sandbox.id]));
    const { unseen, outcome } = verified(box.id);
    assert.match(
      unseen[0] ?? "",
      /^linux\.namespaces\[1\]\.path: \/proc\/\d+\/ns\/net is gone, so it can't be compared/,
    );
    assert.is(outcome.status, 2);
  },
);

testTsrun("links of a container do not lead to the host's files", () => {
  const patch: Patch = {
    ...SLEEP,
    linux: { maskedPaths: ["/way/secret"], readonlyPaths: ["/way/etc"] },
    mounts: [...DEFAULT_MOUNTS, { destination: "/volume", type: "tmpfs" }],
  };
  using box = started(patch);
  symlinkSync(`${"/..".repeat(12)}${outside}`, join(box.bundle.rootfs, "way"));
  assert.is(readFileSync(join(outside, "secret"), "utf8"), SECRET);
  assert.equal(verified(box.id).differs, []);
  // The same path leads to a file once the container has one there.
  mkdirSync(join(box.bundle.rootfs, outside), { recursive: true });
  writeFileSync(join(box.bundle.rootfs, outside, "secret"), "its own");
  assert.equal(verified(box.id).differs, ["linux.maskedPaths[0]: /way/secret can be read"]);
});

testTsrun("a path that can't be followed does not hide what is wrong with others", () => {
  const loop = { destination: "/loop", type: "tmpfs", source: "none" };
  const linux = { maskedPaths: ["/way/secret", "/proc/keys"], readonlyPaths: ["/way/x", "/proc/sys"] };
  using box = started({ ...SLEEP, mounts: [...DEFAULT_MOUNTS, loop], linux });
  const script = ["umount /loop", "rmdir /loop", "ln -s loop /loop", "ln -s way /way"];
  inside(box.pid(), [...script, "umount /proc/keys", "mount -o remount,bind,rw /proc/sys"].join(" && "));
  const { differs, unseen, outcome } = verified(box.id);
  assert.equal(differs.map(pathOf), ["linux.maskedPaths[1]", "linux.readonlyPaths[1]"]);
  assert.equal(unseen.map(pathOf), ["mounts[6]", "linux.maskedPaths[0]", "linux.readonlyPaths[0]"]);
  assert.is(outcome.status, 1);
});

testTsrun("a link at a masked path does not hide a mount that was added", () => {
  using box = started({ ...SLEEP, linux: { maskedPaths: ["/way"] } });
  inside(box.pid(), "mount -t tmpfs none /home && ln -s home /way");
  assert.ok(verified(box.id).differs.includes("mounts: added: tmpfs on /home (rw,relatime)"));
});

testTsrun("a container that mounts much is told of in a few lines", () => {
  using box = started(SLEEP);
  inside(box.pid(), "cd /tmp; for one in $(seq 60); do mkdir $one; mount -t tmpfs none $one; done");
  const { differs } = verified(box.id);
  assert.is(differs.length, 51);
  assert.is(differs.at(-1), "mounts: added: 10 more");
});

testTsrun("a name with a newline stays in its line", () => {
  using box = started(SLEEP);
  inside(box.pid(), 'name=$(printf \'a\\nb\'); mkdir "/tmp/$name"; mount -t tmpfs none "/tmp/$name"');
  assert.match(
    runtime(["verify", box.id]).stdout,
    /^mounts: added: tmpfs on \/tmp\/a\\nb \(rw,relatime\); asked: no such mount$/m,
  );
});

testTsrun("a process that isn't the container's any more is not looked at", () => {
  using box = started(SLEEP);
  const file = join(stateRoot, box.id, "state.json");
  const saved = readFileSync(file, "utf8");
  writeFileSync(file, saved.replace(/"startTime":\d+/, '"startTime":1'));
  const outcome = runtime(["verify", box.id]);
  writeFileSync(file, saved);
  assert.is(outcome.status, 2);
  assert.match(complaint(outcome), /cannot verify container \S+: it is stopped/);
});

testTsrun("only a running container is verified, and the status says that nothing was", () => {
  using box = created(SLEEP);
  const outcome = runtime(["verify", box.id]);
  assert.is(outcome.status, 2);
  assert.match(
    complaint(outcome),
    /it is created, and only a running or paused one has all that it asked for/,
  );
});

testTsrun("a container that is yet to start is not verified by its pid either", () => {
  using box = created(SLEEP);
  const outcome = runtime(["verify", "--pid", String(box.pid()), "--bundle", box.bundle.path]);
  assert.is(outcome.status, 2);
  assert.match(complaint(outcome), /--pid \d+: has not executed its program yet/);
});

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

testTsrun("a paused container is verified", () => {
  using box = started(SLEEP);
  silent(box.call("pause"));
  assert.is(verified(box.id).outcome.status, 0);
  silent(box.call("resume"));
});

const REFUSALS: readonly (readonly [what: string, args: (box: Container) => string[], said: RegExp])[] = [
  [
    "neither an id nor a pid",
    () => [],
    /ID is missing; for another runtime's container, give --pid and --bundle/,
  ],
  ["a pid without a bundle", () => ["--pid", "1"], /--bundle is missing/],
  ["both", (box) => ["--pid", "1", box.id], /give one or the other/],
  ["no such container", () => ["no-such"], /container does not exist: no-such/],
  [
    "no such process",
    (box) => ["--pid", "4194303", "--bundle", box.bundle.path],
    /--pid 4194303: there is no such process/,
  ],
  [
    "no such bundle",
    (box) => ["--pid", String(box.pid()), "--bundle", "/no/such"],
    /bundle \/no\/such does not exist/,
  ],
  [
    "a thread of the kernel",
    (box) => ["--pid", "2", "--bundle", box.bundle.path],
    /--pid 2: (is a thread of the kernel|there is no such process|cannot look)/,
  ],
];

for (const [what, args, said] of REFUSALS)
  testTsrun(`what cannot be looked at is refused with a status of its own: ${what}`, () => {
    using box = started(SLEEP);
    const outcome = runtime(["verify", ...args(box)]);
    assert.is(outcome.status, 2);
    assert.match(refusal(outcome), said);
  });

testTsrun("a user who may not look into the process is told so", () => {
  using box = started(SLEEP);
  const through = ["setpriv", "--reuid", "52345", "--regid", "52345", "--clear-groups", "--"];
  const outcome = runtime(["verify", "--pid", String(box.pid()), "--bundle", box.bundle.path], { through });
  assert.is(outcome.status, 2);
  assert.match(complaint(outcome), /cannot look into process \d+: EACCES .*: this needs root/);
});

testTsrun("verifying changes nothing, and leaves nothing open in the container", () => {
  using box = orGone(started(RICH), () => {});
  const state = () => [
    readFileSync(`/proc/${box.pid()}/mountinfo`, "utf8"),
    silent(runtime(["ps", "--format", "json", box.id])).stdout,
  ];
  const before = state();
  verified(box.id);
  assert.equal(state(), before);
});

leavesNothing();
test.run();
