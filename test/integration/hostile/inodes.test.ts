// Runs beside other files.
// Inodes of the host that a container reaches without being given them: its root owns them, and may change none.
import { lstatSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS, type JsonObject, namespaces, type Patch } from "../../harness/bundle.ts";
import { ran, ranIn, started } from "../../harness/container.ts";
import { freshDirectory, runtimePath, testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { command, mounted } from "../../harness/mount.ts";
import { runtime, succeeded } from "../../harness/runtime.ts";

const DEVICES = { null: 3, zero: 5, full: 7, random: 8, urandom: 9 } as const;
type Name = keyof typeof DEVICES;
const NAMES = Object.keys(DEVICES) as Name[];

const MAKE_DEV = `
  set -e
  mount -t tmpfs -o mode=755 dev "$0"
  for device in ${NAMES.map((name) => `${name}:1:${DEVICES[name]}`).join(" ")} tty:5:0; do
    IFS=: read -r name major minor <<< "$device"
    mknod -m 666 "$0/$name" c "$major" "$minor"
  done
  mkdir "$0/pts" "$0/shm" "$0/mqueue"
  mount --bind /dev/pts "$0/pts"
  ln -s pts/ptmx "$0/ptmx"
  mount --rbind "$0" /dev
  umount --recursive "$0"`;

/** A /dev of one test's own, whose nodes may come to harm. */
function privateDev(): Disposable {
  command("bash", "-c", MAKE_DEV, freshDirectory("dev"));
  // Lazily: this process may have opened a device of it.
  return { [Symbol.dispose]: () => command("umount", "--recursive", "--lazy", "/dev") };
}

/** Modes, owners and times of the host's devices. */
function nodes(): string[] {
  return [...NAMES, "tty"].map((name) => {
    const { mode, uid, gid, mtimeMs, ctimeMs } = lstatSync(join("/dev", name));
    return [name, mode.toString(8), uid, gid, mtimeMs, ctimeMs].join(" ");
  });
}

/** A test around which the host's devices stay as they are. */
function hostileToDevices(name: string, body: () => void): void {
  testTsrun(name, () => {
    using _dev = privateDev();
    const before = nodes();
    body();
    assert.equal(nodes(), before);
  });
}

/** Changes all that a file's owner may change of it, and says of each whether it went well. */
const attack = (...paths: readonly string[]) => [
  "sh",
  "-c",
  [
    `for path in ${paths.join(" ")}`,
    "do chmod 667 $path && echo mode; chown 0:0 $path && echo owner; touch -d 1999-01-01 $path && echo time",
    "done 2>/dev/null; echo tried",
  ].join("; "),
];

const IN_VAIN = /^tried\n$/;
const OWN = /^(mode\nowner\ntime\n)+tried\n$/;

/** Root of the container is root of the host, as far as files go. */
const MAPPINGS = [{ containerID: 0, hostID: 0, size: 65_536 }];
const MAPPED = { namespaces: namespaces({ user: true }), uidMappings: MAPPINGS, gidMappings: MAPPINGS };

/** A /dev that is the config's, and has no devices. */
const bareDev = (): JsonObject => ({
  destination: "/dev",
  type: "bind",
  source: freshDirectory("bare"),
  options: ["rbind"],
});

// Masks

for (const [where, linux] of [
  ["", {}],
  [" of a user namespace", MAPPED],
] as const) {
  hostileToDevices(`the root${where} can't change the node that masks a file`, () => {
    const patch = { linux: { ...linux, maskedPaths: ["/proc/keys", "/proc/timer_list"] } };
    const { stdout } = ran({ ...patch, args: attack("/proc/keys", "/proc/timer_list") });
    assert.match(stdout, IN_VAIN);
  });

  hostileToDevices(`the root${where} can't change the directory that masks others`, () => {
    const linuxWithMasks = { ...linux, maskedPaths: ["/proc/fs", "/sys/firmware"], readonlyPaths: [] };
    const { stdout } = ran({ linux: linuxWithMasks, args: attack("/proc/fs", "/sys/firmware") });
    assert.match(stdout, IN_VAIN);
  });
}

// Default devices

hostileToDevices("default devices are the container's own, whose root may change them", () => {
  const { stdout } = ran({ args: attack(...NAMES.map((name) => `/dev/${name}`)) });
  assert.match(stdout, OWN);
});

hostileToDevices("in a user namespace they are the host's, and can be used but not changed", () => {
  const use = "echo x > /dev/null && echo x >> /dev/zero && head -c 3 /dev/urandom | wc -c";
  const [, , change] = attack(...NAMES.map((name) => `/dev/${name}`), "/dev/tty");
  const { stdout } = succeeded(ran({ args: ["sh", "-c", `${use}; ${change}`], linux: MAPPED }));
  assert.is(stdout, "3\ntried\n");
});

hostileToDevices("nor can a device of the config's there", () => {
  const linux = { ...MAPPED, devices: [{ path: "/dev/full", type: "c", major: 1, minor: 7 }] };
  assert.match(ran({ args: attack("/dev/full"), linux }).stdout, IN_VAIN);
});

// Standard streams

const CONTAINERS: Readonly<Record<string, () => Patch>> = {
  "with devices of its own": () => ({}),
  "with a /dev that has none": () => ({ mounts: [DEFAULT_MOUNTS[0] ?? {}, bareDev()] }),
  "with the host's null device on /dev/null": () => ({
    mounts: [
      ...DEFAULT_MOUNTS,
      { destination: "/dev/null", type: "bind", source: "/dev/null", options: ["bind", "ro"] },
    ],
  }),
  "with a directory on /dev/zero and /dev/null": () => ({
    mounts: [
      ...DEFAULT_MOUNTS,
      ...["null", "zero"].map((name) => ({
        destination: `/dev/${name}`,
        type: "bind",
        source: freshDirectory("obstacle"),
        options: ["bind"],
      })),
    ],
  }),
  "in a user namespace": () => ({ linux: MAPPED }),
};

/** A program that gives the runtime these streams. */
const withStreams = (stdin: string) => ["sh", "-c", `exec "$@" < ${stdin} 2> /dev/null`, "sh"];

// Its messages go elsewhere than to descriptor 2, which 4 stands for.
const CHANGE = `exec 4>&2; ${attack("/proc/self/fd/0", "/proc/self/fd/4").at(-1)}`;
const USE = "head -c 2 | wc -c; echo x >&2 && echo written";
const CHANGE_AND_USE = ["sh", "-c", `(${CHANGE}); ${USE}`];
const WENT_WELL = /^(mode\nowner\ntime\n)*tried\n[02]\nwritten\n$/;

for (const [what, patch] of Object.entries(CONTAINERS)) {
  for (const stream of ["/dev/null", "/dev/zero"] as const) {
    const through = withStreams(stream);

    hostileToDevices(`a container ${what} can't change the host's ${stream} by its standard streams`, () => {
      assert.match(succeeded(ran({ ...patch(), args: CHANGE_AND_USE }, { through })).stdout, WENT_WELL);
    });

    hostileToDevices(`nor can what is executed in one ${what}`, () => {
      using box = started({ ...patch(), args: ["sleep", "60"] });
      const executed = runtime(["exec", box.id, ...CHANGE_AND_USE], { through });
      assert.match(succeeded(executed).stdout, WENT_WELL);
    });
  }
}

hostileToDevices("nor can what root executes in a user namespace of its own, among the host's mounts", () => {
  const root = [{ containerID: 0, hostID: 0, size: 1 }];
  const mounts = DEFAULT_MOUNTS.filter(({ type }) => type !== "devpts"); // its gid 5 is not mapped
  const linux = { namespaces: namespaces({ user: true }), uidMappings: root, gidMappings: root };
  const { path } = bundle({ args: ["sleep", "60"], mounts, linux });
  const change = attack("/proc/self/fd/0").at(-1) ?? "";
  const script = `
    tsrun() { ${runtimePath} --root "$0" "$@" < /dev/null; }
    tsrun run --detach --bundle "$1" box > /dev/null && tsrun exec box sh -c "$2"
    status=$?
    tsrun delete --force box && exit $status`;
  const call = ["bash", "-c", script, freshDirectory("states"), path, change];
  assert.match(command("unshare", "--user", "--map-root-user", ...call), IN_VAIN);
});

testTsrun("a /dev of the config's does not choose what becomes of a stream", () => {
  const dev = freshDirectory("dev");
  symlinkSync("/etc/secret", join(dev, "null"));
  const made = bundle({
    args: ["sh", "-c", "cat; echo no more"],
    process: { user: { uid: 1000, gid: 1000 } },
    mounts: [{ destination: "/dev", type: "bind", source: dev, options: ["rbind"] }],
    linux: { maskedPaths: [], readonlyPaths: [] },
  });
  writeFileSync(join(made.rootfs, "etc/secret"), "root's alone\n", { mode: 0o600 });
  assert.is(succeeded(ranIn(made.path, { through: withStreams("/dev/null") })).stdout, "no more\n");
});

hostileToDevices("a container without mounts of its own can't change them either", () => {
  const made = bundle({
    args: CHANGE_AND_USE,
    mounts: [],
    linux: { namespaces: namespaces({ mount: false, pid: false }), maskedPaths: [], readonlyPaths: [] },
  });
  using _proc = mounted(join(made.rootfs, "proc"), "-t", "proc", "proc");
  const through = withStreams("/dev/null");
  assert.match(succeeded(ranIn(made.path, { through })).stdout, /^tried\n0\nwritten\n$/);
});

leavesNothing();
test.run();
