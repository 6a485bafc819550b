// Runs beside other files.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type Bundle,
  bundle,
  capabilities,
  DEFAULT_MOUNTS,
  type JsonObject,
  namespaces,
  type Patch,
} from "../../harness/bundle.ts";
import { ranIn } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../../harness/leaks.ts";
import { command, mounted } from "../../harness/mount.ts";
import { complaint, succeeded } from "../../harness/runtime.ts";
import { bind, hostDirectory } from "../../harness/volumes.ts";

const COPIED: JsonObject = { destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] };

/** A bundle whose image has files of all kinds in /data. */
function image(patch: Patch, mounts: readonly JsonObject[] = [COPIED]): Bundle {
  const made = bundle({ ...patch, mounts: [...DEFAULT_MOUNTS, ...mounts] });
  const data = join(made.rootfs, "data");
  mkdirSync(join(data, "deep/er"), { recursive: true });
  writeFileSync(join(data, "plain"), "some text\n");
  writeFileSync(join(data, "empty"), "");
  writeFileSync(join(data, "deep/er/large"), Buffer.alloc(3_000_000, "x"));
  writeFileSync(join(data, "set-user-id"), "");
  chownSync(join(data, "set-user-id"), 33, 34);
  chmodSync(join(data, "set-user-id"), 0o4751);
  linkSync(join(data, "plain"), join(data, "hard"));
  symlinkSync("plain", join(data, "link"));
  symlinkSync("/etc/passwd", join(data, "deep/outside"));
  spawnSync("mkfifo", ["-m", "600", join(data, "fifo")]);
  chownSync(join(data, "deep"), 5, 6);
  chmodSync(join(data, "deep"), 0o1770);
  utimesSync(join(data, "plain"), 1, 1_000_000_000);
  lutimesSync(join(data, "link"), 1, 1_100_000_000);
  utimesSync(join(data, "deep"), 1, 1_200_000_000);
  chmodSync(data, 0o2775);
  chownSync(data, 7, 8);
  return made;
}

/** The image has directories of other users. */
const ALL_SEEING = { capabilities: capabilities(["CAP_DAC_OVERRIDE"]) };

const LIST = "cd /data && find . | sort | while read f; do stat -c '%n %F %a %u:%g %s' $f; done";

function shown(made: Bundle): string {
  return succeeded(ranIn(made.path)).stdout;
}

test("tmpcopyup gives the tmpfs what the image has there: kinds, modes, owners, sizes", () => {
  const without = shown(image({ args: ["sh", "-c", LIST], process: ALL_SEEING }, []));
  const copied = shown(image({ args: ["sh", "-c", LIST], process: ALL_SEEING }));
  const withoutSizes = (text: string) => text.replaceAll(/(directory .*) \d+$/gm, "$1"); // a file system's own affair
  assert.is(withoutSizes(copied), withoutSizes(without));
  assert.match(copied, /^\.\/set-user-id regular empty file 4751 33:34 0$/m);
});

test("contents, links and times are the image's", () => {
  const script = [
    ...[
      "cat /data/plain",
      "readlink /data/link; readlink /data/deep/outside",
      "tr -d x < /data/deep/er/large | wc -c",
      "wc -c < /data/deep/er/large",
    ],
    "stat -c %Y /data/plain /data/link /data/deep",
    "stat -f -c %T /data",
  ];
  assert.is(
    shown(image({ args: ["sh", "-c", script.join(";")], process: ALL_SEEING })),
    "some text\nplain\n/etc/passwd\n0\n3000000\n1000000000\n1100000000\n1200000000\ntmpfs\n",
  );
});

testTsrun("a device is copied with its numbers, a FIFO with its time", () => {
  const script = ["-c", "%n %F %a %t %T %u", "/data/zero", "/data/fifo"];
  const { path, rootfs } = image({
    args: ["sh", "-c", `stat ${script.map((word) => `'${word}'`).join(" ")}; stat -c %Y /data/fifo`],
  });
  command("mknod", "-m", "640", join(rootfs, "data/zero"), "c", "1", "5");
  chownSync(join(rootfs, "data/zero"), 9, 0);
  utimesSync(join(rootfs, "data/fifo"), 1, 1_300_000_000);
  assert.is(
    succeeded(ranIn(path)).stdout,
    "/data/zero character special file 640 1 5 9\n/data/fifo fifo 600 0 0 0\n1300000000\n",
  );
});

testTsrun("what the host has mounted in there is not copied", () => {
  const { path, rootfs } = image({
    args: ["sh", "-c", "ls /data/deep; cat /data/plain"],
    process: ALL_SEEING,
  });
  mkdirSync(join(rootfs, "data/deep/volume"));
  using _ = mounted(join(rootfs, "data/deep/volume"), "-t", "tmpfs", "volume");
  writeFileSync(join(rootfs, "data/deep/volume/secret"), "");
  assert.is(succeeded(ranIn(path)).stdout, "er\noutside\nsome text\n");
});

testTsrun("it may stand in one string with other options", () => {
  const mounts = [{ ...COPIED, options: ["size=16m,tmpcopyup"] }];
  assert.is(shown(image({ args: ["cat", "/data/plain"] }, mounts)), "some text\n");
});

test("what the container changes there is not the image's", () => {
  const made = image({ args: ["sh", "-c", "echo changed > /data/plain; rm /data/empty; cat /data/plain"] });
  assert.is(shown(made), "changed\n");
  assert.is(shown(made), "changed\n");
});

test("an empty or missing directory gives an empty tmpfs", () => {
  const mounts = [{ ...COPIED, destination: "/nothing" }];
  assert.is(shown(image({ args: ["ls", "-A", "/nothing"] }, mounts)), "");
});

test("the tmpfs has its other options, and can be read-only", () => {
  const mounts = [{ ...COPIED, options: ["tmpcopyup", "size=8m", "ro", "noexec"] }];
  const args = ["sh", "-c", "cat /data/plain; touch /data/x; grep ' /data ' /proc/mounts"];
  const { stdout, stderr } = ranIn(image({ args }, mounts).path);
  assert.match(stdout, /^some text\n.* tmpfs ro,noexec,.*size=8192k/);
  assert.match(stderr, /Read-only/);
});

test("in a user namespace the copies are its users'", () => {
  const mappings = [
    { containerID: 0, hostID: 0, size: 30 },
    { containerID: 100, hostID: 33, size: 10 },
  ];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mappings, gidMappings: mappings };
  const args = ["stat", "-c", "%u:%g", "/data/set-user-id", "/data/deep", "/data/plain"];
  assert.is(shown(image({ args, linux })), "100:101\n5:6\n0:0\n");
});

testTsrun("a file of a user whom the container doesn't know is its root's, and no longer set-user-ID", () => {
  const mappings = [{ containerID: 0, hostID: 0, size: 30 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mappings, gidMappings: mappings };
  const args = ["stat", "-c", "%u:%g %a", "/data/theirs"];
  const made = bundle({ args, linux, mounts: [...DEFAULT_MOUNTS, COPIED] });
  mkdirSync(join(made.rootfs, "data"));
  writeFileSync(join(made.rootfs, "data/theirs"), "");
  chownSync(join(made.rootfs, "data/theirs"), 33, 34);
  chmodSync(join(made.rootfs, "data/theirs"), 0o6755);
  assert.is(shown(made), "0:0 755\n");
});

testTsrun("a name that is not UTF-8 is refused: the file would be missing", () => {
  const made = image({ args: ["true"] });
  writeFileSync(Buffer.concat([Buffer.from(`${made.rootfs}/data/deep/`), Buffer.from([0xff])]), "");
  assert.match(
    complaint(ranIn(made.path)),
    /mounts\[6\]\.options: tmpcopyup: the name of deep\/\S+ .* not UTF-8/,
  );
});

test("below a bind mount it copies what is there, not what the image has under it", () => {
  const source = hostDirectory("theirs");
  mkdirSync(join(source, "sub"));
  writeFileSync(join(source, "sub/file"), "");
  const mounts = [bind(source, "/data"), { ...COPIED, destination: "/data/sub" }];
  assert.is(shown(image({ args: ["ls", "/data/sub"] }, mounts)), "file\n");
});

test("the destination may be a link of the image, and never leads out of it", () => {
  const made = bundle({
    args: ["ls", "/etc"],
    mounts: [...DEFAULT_MOUNTS, { ...COPIED, destination: "/out" }],
  });
  symlinkSync("../../../../etc", join(made.rootfs, "out"));
  mkdirSync(join(made.rootfs, "etc"), { recursive: true });
  writeFileSync(join(made.rootfs, "etc/of-the-image"), "");
  assert.match(shown(made), /^of-the-image$/m);
  assert.not.match(shown(made), /^debian_version$/m);
});

testTsrun("a size that is too small is an error with the mount's name, and nothing is left", async () => {
  const left = watchLeaks();
  const said = complaint(
    ranIn(image({ args: ["true"] }, [{ ...COPIED, options: ["tmpcopyup", "size=1m"] }]).path),
  );
  assert.match(
    said,
    /mounts\[6\]\.options: tmpcopyup copied \d+ of 3000000 bytes of deep\/er\/large: is the tmpfs too small/,
  );
  await left("of a failed copy");
});

testTsrun("sparse files that no memory holds are refused before anything is copied", () => {
  const made = image({ args: ["true"] });
  // A file system may have larger ones, of exabytes: preparing to copy these would never end.
  for (const path of ["a", "b", "c"].map((name) => join(made.rootfs, "data/deep", name))) {
    writeFileSync(path, "");
    truncateSync(path, 2 ** 39);
  }
  const said = complaint(ranIn(made.path));
  assert.match(
    said,
    /mounts\[\d+\]\.options: tmpcopyup: the image has 16\d+ bytes there; the limit is 1099511627776/,
  );
});

testTsrun("tmpcopyup on another kind of mount is refused", () => {
  const mounts = [{ destination: "/data", type: "proc", source: "proc", options: ["tmpcopyup"] }];
  assert.match(
    complaint(ranIn(image({ args: ["true"] }, mounts).path)),
    /mounts\[6\]\.options: tmpcopyup is for/,
  );
});

leavesNothing();
test.run();
