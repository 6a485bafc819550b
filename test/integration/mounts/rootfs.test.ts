// Runs beside other files.

import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, namespaces } from "../../harness/bundle.ts";
import { created, inside, ran, ranIn, started } from "../../harness/container.ts";
import { freshDirectory, project, runtimePath, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { mounted } from "../../harness/mount.ts";
import { mountAt, parseMounts, readMounts } from "../../harness/mountinfo.ts";
import { plainEnvironment } from "../../harness/plain-environment.ts";
import { succeeded } from "../../harness/runtime.ts";
import { COLD } from "../../harness/served.ts";

const SLEEP = ["sleep", "60"];

test("the container's root is the bundle's root.path", () => {
  const { path, rootfs } = bundle({ args: ["touch", "/made-inside"] });
  succeeded(ranIn(path));
  assert.ok(existsSync(join(rootfs, "made-inside")));
});

test("root.path may be absolute", () => {
  const { rootfs } = bundle();
  inside(["touch", "/made-inside"], { root: { path: rootfs } });
  assert.ok(existsSync(join(rootfs, "made-inside")));
});

test("root.readonly makes the root read-only, and not the mounts below it", () => {
  const script = "touch /x 2>&1; touch /tmp/x 2>&1; touch /dev/shm/x && echo written";
  const seen = inside(["sh", "-c", script], { root: { readonly: true } });
  assert.equal(seen.match(/Read-only file system|written/g), [
    "Read-only file system",
    "Read-only file system",
    "written",
  ]);
});

test("a read-only root leaves the bundle's directory writable for the host", () => {
  using box = started({ args: SLEEP, root: { readonly: true } });
  mkdirSync(join(box.bundle.rootfs, "made-outside"));
  assert.is(succeeded(box.exec("ls", "-d", "/made-outside")).stdout, "/made-outside\n");
});

test("nothing of the host's tree is in the container's mount table", () => {
  const mounts = parseMounts(inside(["cat", "/proc/self/mountinfo"]));
  const top = mountAt(mounts, "/");
  assert.ok(top.root.endsWith("/rootfs"), top.root);
  const below = mounts.filter((mount) => mount !== top && mount.parent === top.id);
  assert.equal(below.map((mount) => mount.mountPoint).sort(), ["/dev", "/proc", "/sys"]);
  assert.is(mounts.filter((mount) => mount.mountPoint === "/").length, 1);
});

test("the host's tree can't be reached through .. or process 1's root", () => {
  const seen = inside(["sh", "-c", "cd /; ls ../../..; ls /proc/1/root/"]);
  const names = seen.trim().split("\n");
  const half = names.length / 2;
  assert.equal(names.slice(0, half), names.slice(half));
  assert.not(names.includes("work"), seen);
  assert.not(names.includes("boot"), seen);
});

test("the way in leaves no directory behind in the root", () => {
  const { path, rootfs } = bundle();
  const before = readdirSync(rootfs).sort();
  succeeded(ranIn(path));
  assert.equal(readdirSync(rootfs).sort(), before);
});

test("the root's mount has private propagation", () => {
  const mounts = parseMounts(inside(["cat", "/proc/self/mountinfo"]));
  assert.equal(mountAt(mounts, "/").propagation, []);
});

// What of the host could leak in

/** The descriptors that a program has, when it lists them itself: 0, 1, 2 and the listing's own. */
const LIST_DESCRIPTORS = ["sh", "-c", "for fd in /proc/self/fd/*; do basename $fd; done"];

test("a program has descriptors 0, 1 and 2 and no other", () => {
  const seen = inside(LIST_DESCRIPTORS).trim().split("\n");
  assert.equal(seen.slice(0, 3), ["0", "1", "2"]);
  assert.ok(seen.length <= 4, seen.join(" "));
});

test("descriptors that the caller of create left open don't reach the program", () => {
  const descriptors = Array.from({ length: 5 }, () => openSync(project, "r"));
  const seen = inside(LIST_DESCRIPTORS, {}, { descriptors }).trim().split("\n");
  assert.ok(seen.length <= 4, seen.join(" "));
});

test("descriptors that the caller of exec left open don't reach the program", () => {
  using box = started({ args: SLEEP });
  const descriptors = Array.from({ length: 5 }, () => openSync(project, "r"));
  const seen = succeeded(box.exec(...LIST_DESCRIPTORS))
    .stdout.trim()
    .split("\n");
  assert.ok(descriptors.length > 0 && seen.length <= 4, seen.join(" "));
});

test("a caller without standard streams lends the program none of the runtime's own descriptors", () => {
  const { path, rootfs } = bundle({ args: ["sh", "-c", "ls -l /proc/self/fd > /tmp/seen"] });
  ranIn(path, { through: ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"] });
  const targets = readFileSync(join(rootfs, "tmp/seen"), "utf8").match(/(?<= -> ).*/g) ?? [];
  const expected = /^(\/dev\/null|\/tmp\/seen|\/proc\/\d+\/fd|pipe:\[\d+\])$/;
  assert.equal(
    targets.filter((target) => !expected.test(target)),
    [],
  );
});

testTsrun("no descriptor of a waiting container leads to a directory of the host", () => {
  using box = created({ args: SLEEP });
  const directory = `/proc/${box.pid()}/fd`;
  for (const name of readdirSync(directory)) {
    const file = join(directory, name);
    assert.not(statSync(file).isDirectory(), `${file} is ${readlinkSync(file)}`);
  }
});

testTsrun("a working directory through a descriptor of the runtime leads nowhere", () => {
  for (let descriptor = 3; descriptor < 12; descriptor++) {
    const { status, stdout } = ran({ args: ["ls"], process: { cwd: `/proc/self/fd/${descriptor}` } });
    assert.ok(status !== 0, `/proc/self/fd/${descriptor} lists ${stdout}`);
  }
});

testTsrun("the waiting process is not the host's runtime binary", () => {
  using box = created({ args: SLEEP });
  const parked = statSync(`/proc/${box.pid()}/exe`);
  const binary = statSync(runtimePath);
  assert.not.equal([parked.dev, parked.ino], [binary.dev, binary.ino]);
});

testTsrun("the waiting process maps nothing of the host's runtime binary", () => {
  using box = created({ args: SLEEP });
  const maps = readFileSync(`/proc/${box.pid()}/maps`, "utf8");
  assert.not(maps.includes(runtimePath), maps);
});

testTsrun("a neighbour in the same PID namespace can't overwrite the waiting process's program", () => {
  using sandbox = started({ args: SLEEP });
  const linux = { namespaces: namespaces({ pid: `/proc/${sandbox.pid()}/ns/pid` }) };
  using waiting = created({ args: SLEEP, linux });
  using neighbour = started({ args: SLEEP, linux });
  const script = "for exe in /proc/[0-9]*/exe; do (echo x > $exe) 2>/dev/null && echo wrote $exe; done; true";
  const written = succeeded(neighbour.exec("sh", "-c", script)).stdout;
  assert.is(written, "");
  waiting.start();
  assert.is(waiting.state().status, "running");
});

test("process 1 of a started container is the container's own program", () => {
  const exe = inside(["readlink", "/proc/1/exe"]);
  assert.match(exe, /^\/bin\/busybox$/m);
});

test("nothing of the runtime's own files is among the program's mappings", () => {
  const maps = inside(["cat", "/proc/self/maps"]);
  const files = [...maps.matchAll(/ (\/.*|memfd:.*)$/gm)].map(([, file]) => file);
  assert.equal([...new Set(files)], ["/bin/busybox"]);
});

test("the program's working directory is inside, wherever the runtime was called", () => {
  const seen = inside(
    ["sh", "-c", "readlink /proc/self/cwd; readlink /proc/self/root"],
    {},
    { cwd: project },
  );
  assert.is(seen, "/\n/\n");
});

test("root.path may be a mount already, which stays", () => {
  const { path, rootfs } = bundle();
  using _ = mounted(rootfs, "--bind", rootfs);
  succeeded(ranIn(path));
  assert.ok(readMounts().some((mount) => mount.mountPoint === rootfs));
});

testTsrun("a root that chroot(1) has made must be a mount point, and the error says so", () => {
  const root = freshDirectory("chroot");
  const mounts: Disposable[] = [];
  for (const name of ["usr", "proc", "sys", "bin", "lib", "lib64", "dev"]) {
    if (!existsSync(`/${name}`)) continue;
    mkdirSync(join(root, name));
    mounts.push(mounted(join(root, name), "--rbind", `/${name}`));
  }
  const { path } = bundle({ args: ["true"] });
  cpSync(path, join(root, "bundle"), { recursive: true, verbatimSymlinks: true });
  copyFileSync(runtimePath, join(root, "tsrun"));
  const run = () => {
    const words = ["/tsrun", "--root", "/state", "run", "--bundle", "/bundle", uniqueId()];
    return spawnSync("chroot", [root, ...words], {
      encoding: "utf8",
      env: { ...plainEnvironment(), ...COLD },
    });
  };
  try {
    const { status, stderr } = run();
    assert.is(status, 1);
    assert.match(stderr, /^tsrun: error: .*mount "\/": EINVAL .*; tsrun's own root is no mount point: .*\n$/);
    mounts.unshift(mounted(root, "--rbind", root));
    const again = run();
    assert.is(again.status, 0, again.stderr);
  } finally {
    for (const mount of mounts) mount[Symbol.dispose]();
  }
});

leavesNothing();
test.run();
