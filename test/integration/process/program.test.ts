// Runs beside other files.
// Which program is executed, and its arguments.
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../../harness/bundle.ts";
import { inside, ran, ranIn } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint } from "../../harness/runtime.ts";

test("the program is looked up in the PATH of config.json", () => {
  const { status: found } = ran({ args: ["true"], process: { env: ["PATH=/nowhere:/bin"] } });
  assert.is(found, 0);
  const missed = ran({ args: ["true"], process: { env: ["PATH=/nowhere:/etc"] } });
  assert.match(complaint(missed), /true/);
});

testTsrun(
  "without a PATH it is looked up in the usual directories, and an empty name in PATH is process.cwd",
  () => {
    assert.is(ran({ args: ["true"], process: { env: [] } }).status, 0);
    assert.is(ran({ args: ["true"], process: { env: ["PATH=/nowhere:"], cwd: "/bin" } }).status, 0);
    assert.match(
      complaint(ran({ args: ["true"], process: { env: ["PATH=/nowhere:"] } })),
      /executable file not found/,
    );
  },
);

test("the program is looked up as the user who runs it", () => {
  const { path, rootfs } = bundle({ args: ["/root/tool"], process: { user: { uid: 1000, gid: 1000 } } });
  copyFileSync(join(rootfs, "bin/busybox"), join(rootfs, "root/tool"));
  assert.match(complaint(ranIn(path)), /permission denied/i);
});

test("what in PATH is a directory, or may not be executed, is passed over", () => {
  const { path, rootfs } = bundle({ args: ["true"], process: { env: ["PATH=/one:/two:/three:/bin"] } });
  mkdirSync(join(rootfs, "one/true"), { recursive: true });
  for (const [name, mode] of [
    ["two", 0o644],
    ["three", 0o600],
  ] as const) {
    mkdirSync(join(rootfs, name));
    writeFileSync(join(rootfs, name, "true"), "#!/bin/sh\nexit 5\n", { mode });
  }
  assert.is(ranIn(path).status, 0);
});

const USER = { uid: 1000, gid: 1000 };

testTsrun("what a user may not enter is named, if the program is in no other directory of PATH", () => {
  const said = (mode: number, PATH: string) => {
    const { path, rootfs } = bundle({ args: ["tool"], process: { user: USER, env: [`PATH=${PATH}`] } });
    mkdirSync(join(rootfs, "closed"), { mode: 0o700 });
    chmodSync(rootfs, mode);
    return complaint(ranIn(path));
  };
  const missing = /: "tool": executable file not found in \$PATH \(\S+\)/.source;
  assert.match(said(0o755, "/bin:/sbin"), new RegExp(`${missing}$`));
  assert.match(
    said(0o755, "/bin:/closed:/sbin"),
    new RegExp(`${missing}; the container's user may not enter /closed: it needs execute permission`),
  );
  assert.match(
    said(0o700, "/bin:/sbin"),
    new RegExp(`${missing}; the container's user may not enter any of these: it needs execute permission`),
  );
});

test("a program with a slash is not looked up", () => {
  const { status: found } = ran({ args: ["/bin/true"], process: { env: [] } });
  assert.is(found, 0);
  const { status: relative } = ran({ args: ["bin/true"], process: { env: [] } });
  assert.is(relative, 0);
});

test("arguments arrive as they are", () => {
  const words = ["", "a b", "ü€", "$HOME", "'\"", "-x", "tab\tnew\nline"];
  const script = 'for word in "$@"; do printf "<%s>" "$word"; done';
  assert.is(inside(["sh", "-c", script, "sh", ...words]), words.map((word) => `<${word}>`).join(""));
});

test("a long argument list arrives whole", () => {
  const words = Array.from({ length: 2000 }, (_, n) => `word-${n}-${"x".repeat(20)}`);
  assert.is(inside(["sh", "-c", "echo $#", "sh", ...words]), "2000\n");
});

testTsrun("a large environment, and what else makes a config large, leave room for the rest", () => {
  const env = ["PATH=/bin", ...Array.from({ length: 15 }, (_, n) => `E${n}=${"x".repeat(100_000)}`)];
  const annotations = Object.fromEntries(env.map((value, n) => [`org.example.${n}`, value.repeat(3)]));
  assert.is(inside(["sh", "-c", "echo $E14 | wc -c"], { annotations, process: { env } }), "100001\n");
});

testTsrun("the longest path with the most names is walked", () => {
  const destination = `/tmp${"/a".repeat(2045)}`;
  const mounts = [{ destination, type: "tmpfs", source: "tmpfs" }];
  assert.is(inside(["sh", "-c", "echo up"], { mounts }), "up\n");
});

leavesNothing();
test.run();
