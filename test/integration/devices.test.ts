// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DEFAULT_MOUNTS } from "../harness/bundle.ts";
import { inside } from "../harness/container.ts";
import { leavesNothing } from "../harness/leaks.ts";

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

leavesNothing();
test.run();
