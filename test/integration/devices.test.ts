// Runs beside other files.
import { chownSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS, type JsonObject, namespaces } from "../harness/bundle.ts";
import { inside, ranIn } from "../harness/container.ts";
import { freshDirectory, testTsrun } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { command } from "../harness/mount.ts";
import { complaint, succeeded } from "../harness/runtime.ts";

/** The devices that runtime-spec promises without being asked. */
const NODES = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
] as const;

for (const [name, major, minor] of NODES) {
  test(`/dev/${name} is the character device ${major}:${minor}, for everyone to read and write`, () => {
    const seen = inside(["stat", "-c", "%F %a %t %T %u %g", `/dev/${name}`]);
    assert.is(seen, `character special file 666 ${major.toString(16)} ${minor.toString(16)} 0 0\n`);
  });
}

for (const [name, target] of [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
  ["ptmx", "pts/ptmx"],
] as const) {
  test(`/dev/${name} is a link to ${target}`, () => {
    assert.is(inside(["readlink", `/dev/${name}`]), `${target}\n`);
  });
}

test("the devices work", () => {
  const script = [
    "echo lost > /dev/null",
    "head -c 4 /dev/zero | od -An -tx1",
    "head -c 8 /dev/urandom | wc -c",
    "head -c 8 /dev/random | wc -c",
    "echo x 2>/dev/null > /dev/full || echo full",
    "echo out >> /dev/stdout",
  ].join("; ");
  assert.is(inside(["sh", "-c", script]), " 00 00 00 00\n8\n8\nfull\nout\n");
});

test("they work for a user that isn't root", () => {
  const script = "echo x > /dev/null && head -c 2 /dev/zero | wc -c";
  assert.is(inside(["sh", "-c", script], { process: { user: { uid: 1000, gid: 1000 } } }), "2\n");
});

test("/dev has these and the mounts, and nothing of the host's", () => {
  const seen = inside(["ls", "/dev"]).trim().split("\n");
  const expected = [
    ...NODES.map(([name]) => name),
    ...["fd", "stdin", "stdout", "stderr", "ptmx", "mqueue", "pts", "shm"],
  ];
  const optional = new Set(["core"]); // docker's and runc's link to /proc/kcore
  assert.equal(seen.filter((name) => !optional.has(name)).sort(), expected.sort());
});

test("there is no console without a terminal", () => {
  assert.is(inside(["sh", "-c", "test -e /dev/console || echo none"]), "none\n");
});

test("a root whose /dev is not a mount gets the devices too", () => {
  const mounts = DEFAULT_MOUNTS.filter(({ destination }) => !String(destination).startsWith("/dev"));
  assert.is(inside(["stat", "-c", "%F %a", "/dev/null"], { mounts }), "character special file 666\n");
});

const URANDOM = { destination: "/dev/random", type: "bind", source: "/dev/urandom", options: ["bind"] };
const NUMBERS = ["stat", "-c", "%t %T", "/dev/random"];

test("a mount in the place of a default device stays there", () => {
  assert.is(inside(NUMBERS, { mounts: [...DEFAULT_MOUNTS, URANDOM] }), "1 9\n");
});

testTsrun("the device is made where a later mount on /dev hides that one", () => {
  assert.is(inside(NUMBERS, { mounts: [URANDOM, ...DEFAULT_MOUNTS] }), "1 8\n");
});

const WITHOUT_DEV = DEFAULT_MOUNTS.filter(({ destination }) => !String(destination).startsWith("/dev"));

for (const [type, major, minor] of [
  ["c", 1, 5],
  ["c", 2, 3],
  ["b", 1, 3],
] as const) {
  testTsrun(`the image's ${type} ${major}:${minor} does not pass for /dev/null`, () => {
    const { path, rootfs } = bundle({ args: ["true"], mounts: WITHOUT_DEV });
    command("mknod", join(rootfs, "dev/null"), type, `${major}`, `${minor}`);
    assert.match(complaint(ranIn(path)), /default device \/dev\/null: .*something other than this device/);
  });
}

test("the image's own /dev/null stays, and its /dev/ptmx gives way to that of the container's devpts", () => {
  const { path, rootfs } = bundle({
    args: ["sh", "-c", "stat -c %F:%t:%T /dev/null; readlink /dev/ptmx"],
    mounts: WITHOUT_DEV,
  });
  command("mknod", join(rootfs, "dev/null"), "c", "1", "3");
  command("mknod", join(rootfs, "dev/ptmx"), "c", "5", "2");
  assert.is(succeeded(ranIn(path)).stdout, "character special file:1:3\npts/ptmx\n");
});

testTsrun("in a user namespace no device is bound through a link of the image", () => {
  const mapping = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mapping, gidMappings: mapping };
  const { path, rootfs } = bundle({ args: ["true"], mounts: WITHOUT_DEV, linux });
  chownSync(join(rootfs, "dev"), 100000, 100000);
  symlinkSync("zero", join(rootfs, "dev/null"));
  assert.match(complaint(ranIn(path)), /default device \/dev\/null.*ELOOP/);
});

// linux.devices

/** A device of config.json, and what stat(1) says of it inside. */
const ASKED: readonly (readonly [what: string, device: JsonObject, seen: string])[] = [
  [
    "a character device",
    { type: "c", major: 1, minor: 5, fileMode: 0o640, uid: 7, gid: 8 },
    "character special file 640 1 5 7 8",
  ],
  ["an unbuffered character device", { type: "u", major: 1, minor: 3 }, "character special file 666 1 3 0 0"],
  ["a block device", { type: "b", major: 250, minor: 300 }, "block special file 666 fa 12c 0 0"],
  ["a device of a group", { type: "c", major: 1, minor: 5, gid: 9 }, "character special file 666 1 5 0 9"],
  ["a FIFO", { type: "p", fileMode: 0o622, uid: 1000 }, "fifo 622 0 0 1000 0"],
];

for (const [what, device, seen] of ASKED) {
  test(`${what} is made with the path, numbers, mode and owner that config.json gives it`, () => {
    const path = "/dev/deep/down/asked";
    const linux = { devices: [{ path, ...device }] };
    assert.is(inside(["stat", "-c", "%F %a %t %T %u %g", path], { linux }), `${seen}\n`);
  });
}

testTsrun("a FIFO is made in a user namespace, too, where the host has none to bind", () => {
  const mapping = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const linux = {
    namespaces: namespaces({ user: true }),
    uidMappings: mapping,
    gidMappings: mapping,
    devices: [{ path: "/dev/asked", type: "p", fileMode: 0o622, uid: 1000 }],
  };
  assert.is(inside(["stat", "-c", "%F %a %u %g", "/dev/asked"], { linux }), "fifo 622 1000 0\n");
});

testTsrun("in a user namespace, a device is made that the host has not at that path, or another one", () => {
  const mapping = [
    { containerID: 0, hostID: 100000, size: 5 },
    { containerID: 5, hostID: 300000, size: 1000 },
  ];
  const linux = {
    namespaces: namespaces({ user: true }),
    uidMappings: mapping,
    gidMappings: mapping,
    devices: [
      { path: "/dev/deep/asked", type: "c", major: 1, minor: 5, fileMode: 0o646, uid: 7, gid: 8 },
      { path: "/dev/full", type: "c", major: 1, minor: 3 },
      { path: "/dev/disk", type: "b", major: 250, minor: 300 },
      { path: "/dev/random", type: "c", major: 1, minor: 8 },
    ],
  };
  const script =
    "stat -c '%F %a %t %T %u %g' /dev/deep/asked /dev/full /dev/disk /dev/random; head -c 2 /dev/deep/asked | wc -c; echo x > /dev/full && ls /proc/self/fd/0";
  assert.is(
    inside(["sh", "-c", script], { linux }, { through: ["sh", "-c", 'umask 077; exec "$@"', "sh"] }),
    [
      "character special file 646 1 5 7 8",
      "character special file 666 1 3 0 0",
      "block special file 666 fa 12c 0 0",
      "character special file 666 1 8 65534 65534",
      "2",
      "/proc/self/fd/0\n",
    ].join("\n"),
  );
});

testTsrun("a user namespace with many devices and links needs no more open files than one with few", () => {
  const mapping = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const volume = freshDirectory("volume");
  symlinkSync("nowhere", join(volume, "link"));
  const many = Array.from({ length: 60 }, (_, number) => number);
  const linux = {
    namespaces: namespaces({ user: true }),
    uidMappings: mapping,
    gidMappings: mapping,
    devices: many.map((number) => ({ path: `/dev/made/${number}`, type: "c", major: 1, minor: 3 })),
  };
  const links = many.map((number) => ({
    destination: `/dev/links/${number}`,
    type: "bind",
    source: join(volume, "link"),
    options: ["bind", "copy-symlink"],
  }));
  const few = { through: ["prlimit", "--nofile=100:100"] };
  const process = { rlimits: [] };
  const args = ["sh", "-c", "ls /dev/made | wc -l; ls /dev/links | wc -l"];
  assert.is(inside(args, { mounts: [...DEFAULT_MOUNTS, ...links], linux, process }, few), "60\n60\n");
});

for (const user of [false, true])
  test(`/dev/ptmx stays the container's own where config.json lists it${user ? ", in a user namespace, too" : ""}`, () => {
    const mapping = [{ containerID: 0, hostID: 100000, size: 65536 }];
    const linux = {
      namespaces: namespaces({ user }),
      ...(user ? { uidMappings: mapping, gidMappings: mapping } : {}),
      devices: [{ path: "/dev/ptmx", type: "c", major: 5, minor: 2 }],
    };
    assert.is(inside(["readlink", "/dev/ptmx"], { linux }), "pts/ptmx\n");
  });

test("a device of config.json works when a rule of its cgroup lets it", () => {
  const numbers = { type: "c", major: 1, minor: 5 };
  const linux = {
    devices: [{ path: "/dev/nought", ...numbers }],
    resources: {
      devices: [
        { allow: false, access: "rwm" },
        { allow: true, access: "r", ...numbers },
      ],
    },
  };
  assert.is(inside(["sh", "-c", "head -c 3 /dev/nought | od -An -tx1"], { linux }), " 00 00 00\n");
});

leavesNothing();
test.run();
