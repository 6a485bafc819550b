// Runs beside other files.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS, namespaces } from "../../harness/bundle.ts";
import { inside, ranIn } from "../../harness/container.ts";
import { freshDirectory, testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { mountAt, parseMounts } from "../../harness/mountinfo.ts";
import { complaint, succeeded } from "../../harness/runtime.ts";

test("a masked file reads as empty", () => {
  const linux = { maskedPaths: ["/proc/meminfo", "/proc/keys"] };
  assert.is(inside(["cat", "/proc/meminfo", "/proc/keys"], { linux }), "");
});

test("what is written to a masked file goes nowhere", () => {
  const { path, rootfs } = bundle({
    args: ["sh", "-c", "echo more >> /secret; cat /secret"],
    linux: { maskedPaths: ["/secret"] },
  });
  writeFileSync(join(rootfs, "secret"), "original");
  assert.is(succeeded(ranIn(path)).stdout, "");
  assert.is(readFileSync(join(rootfs, "secret"), "utf8"), "original");
});

test("a masked directory is empty and read-only", () => {
  const script = "ls /proc/fs; touch /proc/fs/x 2>&1; ls -d /proc/fs";
  const seen = inside(["sh", "-c", script], { linux: { maskedPaths: ["/proc/fs"], readonlyPaths: [] } });
  assert.match(seen, /^touch: .*: Read-only file system\n\/proc\/fs\n$/);
});

testTsrun("what is listed twice is masked once", () => {
  const linux = { maskedPaths: ["/proc/fs", "/proc/keys", "/proc/fs", "/proc/keys"], readonlyPaths: [] };
  const mounts = parseMounts(inside(["cat", "/proc/self/mountinfo"], { linux }));
  const over = mounts.filter(({ mountPoint }) => mountPoint.startsWith("/proc/"));
  assert.equal(over.map(({ mountPoint }) => mountPoint).sort(), ["/proc/fs", "/proc/keys"]);
});

test("the mask of a directory lets nothing be run or opened, also not what its owner could put there", () => {
  const seen = inside(["cat", "/proc/self/mountinfo"], { linux: { maskedPaths: ["/proc/fs"] } });
  const { options } = mountAt(parseMounts(seen), "/proc/fs");
  for (const flag of ["ro", "nosuid", "nodev", "noexec"])
    assert.ok(options.includes(flag), `${flag}: ${options}`);
});

testTsrun("a path that can't be reached to mask it is an error", () => {
  const mapping = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mapping, gidMappings: mapping };
  for (const [list, place] of [
    ["maskedPaths", /linux\.maskedPaths\[0\].*EACCES/],
    ["readonlyPaths", /linux\.readonlyPaths\[0\].*EACCES/],
  ] as const) {
    const { path, rootfs } = bundle({ args: ["true"], linux: { ...linux, [list]: ["/closed/file"] } });
    mkdirSync(join(rootfs, "closed"), { mode: 0o700 }); // root's of the host
    writeFileSync(join(rootfs, "closed/file"), "");
    assert.match(complaint(ranIn(path)), place);
  }
});

testTsrun("all masked directories share one file system", () => {
  const linux = { maskedPaths: ["/proc/fs", "/etc", "/proc/keys", "/home"], readonlyPaths: [] };
  const [first, ...others] = inside(["stat", "-c", "%d", "/proc/fs", "/etc", "/home"], { linux }).split("\n");
  assert.equal(others, [first, first, ""]);
});

testTsrun("a mount below a read-only path can't be written either", () => {
  const source = freshDirectory("volume");
  for (const type of [
    { type: "tmpfs", source: "tmpfs" },
    { type: "bind", source, options: ["rbind"] },
  ]) {
    const mounts = [...DEFAULT_MOUNTS, { destination: "/etc/below", ...type }];
    const script = "touch /etc/below/x 2>&1; ls /etc/below";
    const seen = inside(["sh", "-c", script], { mounts, linux: { readonlyPaths: ["/etc"] } });
    assert.match(seen, /^touch: .*Read-only file system\n$/);
  }
});

test("masked paths that aren't there are no error", () => {
  const linux = { maskedPaths: ["/proc/not-there", "/not/there/either"] };
  assert.is(inside(["sh", "-c", "ls /not /proc/not-there 2>/dev/null; echo ok"], { linux }), "ok\n");
});

test("the masks that spec writes hide kcore, keys and firmware", () => {
  const script = "wc -c < /proc/keys; head -c 1 /proc/kcore | wc -c; ls /sys/firmware | wc -l";
  assert.is(inside(["sh", "-c", script]), "0\n0\n0\n");
});

test("a read-only path can't be written, whoever may write the file", () => {
  const script = "cat /proc/sys/kernel/domainname >/dev/null && echo x > /proc/sys/kernel/domainname";
  const seen = inside(["sh", "-c", `(${script}) 2>&1 || true`]);
  assert.match(seen, /Read-only file system/);
});

test("a read-only path of the root's own file system can't be written", () => {
  const script = "touch /etc/x 2>&1; touch /tmp/x && echo written";
  const seen = inside(["sh", "-c", script], { linux: { readonlyPaths: ["/etc"] } });
  assert.match(seen, /Read-only file system\nwritten\n$/);
});

test("read-only paths that aren't there are no error", () => {
  const linux = { readonlyPaths: ["/proc/not-there", "/not/there/either"] };
  assert.is(inside(["echo", "ok"], { linux }), "ok\n");
});

test("a read-only path keeps the flags of the mount it is in", () => {
  const mounts = [
    { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] },
  ];
  const seen = inside(["cat", "/proc/self/mountinfo"], {
    mounts,
    linux: { maskedPaths: [], readonlyPaths: ["/proc/sys"] },
  });
  const { options } = mountAt(parseMounts(seen), "/proc/sys");
  for (const flag of ["ro", "nosuid", "nodev", "noexec"])
    assert.ok(options.includes(flag), `${flag}: ${options}`);
});

test("any number of masked and read-only paths take no more descriptors than a few", () => {
  const places = Array.from({ length: 100 }, (_, index) => `/many/${index}`);
  const [files, directories, others] = [places, places, places].map((paths, at) =>
    paths.map((path) => `${path}-${at}`),
  );
  const linux = { maskedPaths: [...(files ?? []), ...(directories ?? [])], readonlyPaths: others };
  const args = ["sh", "-c", "cat /many/*-0; ls /many/*-1 | wc -l"];
  const { path, rootfs } = bundle({ args, linux, process: { rlimits: [] } });
  for (const place of [...(directories ?? []), ...(others ?? [])])
    mkdirSync(join(rootfs, place), { recursive: true });
  for (const place of files ?? []) writeFileSync(join(rootfs, place), "secret");
  const { stdout } = succeeded(ranIn(path, { through: ["prlimit", "--nofile=128:128"] }));
  assert.is(stdout.trim(), "199"); // names and the lines between them
});

leavesNothing();
test.run();
