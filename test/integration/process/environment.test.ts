// Runs beside other files.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../../harness/bundle.ts";
import { container, inside, ranIn } from "../../harness/container.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { succeeded } from "../../harness/runtime.ts";

const PATH = "PATH=/bin:/usr/bin";

test("the environment is config.json's, and nothing of the caller's", () => {
  const env = [PATH, "EMPTY=", "TWO WORDS=a b", "ÄÖ=ü", "EQ=a=b"];
  const seen = inside(["env"], { process: { env } }, { env: { CALLERS: "secret", BUN_OPTIONS: "" } });
  const lines = seen.trim().split("\n");
  assert.equal(lines.filter((line) => !line.startsWith("HOME=")).sort(), [...env].sort());
});

test("a variable that is given twice has its last value", () => {
  const seen = inside(["env"], { process: { env: [PATH, "A=b=1", "B=x", "A=c=2"] } });
  assert.equal(seen.match(/^[AB]=.*$/gm), ["A=c=2", "B=x"]);
});

for (const [uid, home] of [
  [0, "/root"],
  [1000, "/home/app"],
  [4242, "/"],
] as const) {
  test(`HOME of user ${uid} is ${home}, when nobody set it`, () => {
    const seen = inside(["env"], { process: { env: [PATH], user: { uid, gid: uid } } });
    assert.match(seen, new RegExp(`^HOME=${home}$`, "m"));
  });
}

test("HOME is that of the user's uid, whatever the groups in the passwd file", () => {
  const { path, rootfs } = bundle({ args: ["env"], process: { env: [PATH], user: { uid: 1000, gid: 5 } } });
  rmSync(join(rootfs, "etc/passwd"));
  writeFileSync(join(rootfs, "etc/passwd"), "a:x:5:1000::/group:/bin/sh\nb:x:1000:5::/user:/bin/sh\n");
  assert.match(succeeded(ranIn(path)).stdout, /^HOME=\/user$/m);
});

test("HOME is that of a user who may not read the image's /etc/passwd, for exec too", () => {
  const process = { env: [PATH], user: { uid: 1000, gid: 1000 } };
  using one = container({ args: ["sh", "-c", "echo $HOME; exec sleep 60"], process });
  const passwd = join(one.bundle.rootfs, "etc/passwd");
  rmSync(passwd); // other bundles have it, too
  writeFileSync(passwd, "root:x:0:0::/root:\nkept:x:1000:1000::/home/kept:\n", { mode: 0o640 });
  one.runDetached();
  assert.is(
    succeeded(one.exec("sh", "-c", "echo $HOME; cat /etc/passwd 2>&1 | wc -l")).stdout,
    "/home/kept\n1\n",
  );
  assert.is(one.printed(), "/home/kept\n");
});

test("an empty HOME is none", () => {
  for (const env of [
    [PATH, "HOME="],
    ["HOME=/elsewhere", PATH, "HOME="],
  ])
    assert.equal(inside(["env"], { process: { env } }).match(/^HOME=.*$/gm), ["HOME=/root"]);
});

test("HOME stays what config.json says", () => {
  const seen = inside(["env"], { process: { env: [PATH, "HOME=/elsewhere"] } });
  assert.match(seen, /^HOME=\/elsewhere$/m);
});

test("a home directory too long for a path is none", () => {
  const made = bundle({ args: ["sh", "-c", "echo $HOME"] });
  writeFileSync(join(made.rootfs, "etc/passwd"), `root:x:0:0:root:/${"x".repeat(60_000)}:/bin/sh\n`);
  assert.is(succeeded(ranIn(made.path)).stdout, "/\n");
});

leavesNothing();
test.run();
