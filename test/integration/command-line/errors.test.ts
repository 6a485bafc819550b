// Runs beside other files.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, type Json, namespaces, type Patch } from "../../harness/bundle.ts";
import { ranIn } from "../../harness/container.ts";
import { freshDirectory, isTsrun, runtimePath, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../../harness/leaks.ts";
import { mounted } from "../../harness/mount.ts";
import { complaint, runtime, succeeded } from "../../harness/runtime.ts";
import { testIf } from "../../harness/skip.ts";

/** What `create` says, in its one line, of a bundle that it must refuse; nothing may be left of the attempt. */
async function refused(path: string): Promise<string> {
  const nothingLeft = watchLeaks();
  const id = uniqueId();
  const pidFile = join(freshDirectory("pid"), "pid");
  const outcome = runtime(["create", "--bundle", path, "--pid-file", pidFile, id]);
  if (outcome.status === 0) runtime(["delete", "--force", id]);
  const said = complaint(outcome);
  assert.is(outcome.stdout, "");
  await nothingLeft("of a refused create");
  assert.not(existsSync(pidFile), "a pid file is left");
  assert.is(complaint(runtime(["run", "--bundle", path, id])), said.replace("create", "run"));
  return said;
}

function refusedWith(patch: Patch): Promise<string> {
  return refused(bundle(patch).path);
}

/** A bundle whose config.json is this text. */
function bundleWithText(text: string): string {
  const { path } = bundle();
  writeFileSync(join(path, "config.json"), text);
  return path;
}

// The bundle

testTsrun("a bundle that isn't there is refused", async () => {
  const said = await refused("/not/there");
  assert.match(said, /\/not\/there/);
  assert.match(said, /no such file or directory|does not exist/i);
});

testTsrun("a bundle without a config.json is refused", async () => {
  assert.match(await refused(freshDirectory("empty")), /config\.json/);
});

testTsrun("a config.json that is a directory is refused", async () => {
  const directory = freshDirectory("odd");
  mkdirSync(join(directory, "config.json"));
  assert.match(await refused(directory), /config\.json/);
});

// What is no JSON: line and column of where it stops being so

for (const [what, text, line, column] of [
  ["a comma before a brace", '{\n  "ociVersion": "1.0.2",\n}', 3, 1],
  ["a word without quotes", '{\n  "ociVersion": "1.0.2",\n  "process": args\n}', 3, 14],
  ["single quotes", "{ 'ociVersion': 1 }", 1, 3],
  ["an end too early", '{ "ociVersion": "1.0.2"', 1, 24],
] as const) {
  testTsrun(`${what} is refused with its line and column`, async () => {
    const said = await refused(bundleWithText(text));
    assert.match(said, /config\.json/);
    assert.match(said, new RegExp(`\\b${line}:${column}\\b|line ${line}\\b.*column ${column}\\b`));
  });
}

testTsrun("an empty config.json is refused", async () => {
  assert.match(await refused(bundleWithText("")), /config\.json/);
});

testTsrun("a config.json that is no object is refused", async () => {
  assert.match(await refused(bundleWithText("[]")), /config\.json/);
});

// What is of the wrong type, missing or out of range: its path

for (const [path, patch] of [
  ["process.args", { process: { args: "true" } }],
  ["process.args", { process: { args: [] } }],
  ["process.args[1]", { process: { args: ["echo", 1] } }],
  ["process.cwd", { process: { cwd: undefined } }],
  ["process.cwd", { process: { cwd: "relative" } }],
  ["process.user.uid", { process: { user: { uid: "0" } } }],
  ["process.user.uid", { process: { user: { uid: -1 } } }],
  ["process.env[0]", { process: { env: [1] } }],
  ["process.noNewPrivileges", { process: { noNewPrivileges: "yes" } }],
  ["process.rlimits[0].type", { process: { rlimits: [{ type: "RLIMIT_FOO", soft: 1, hard: 1 }] } }],
  ["process.oomScoreAdj", { process: { oomScoreAdj: 5000 } }],
  ["root.path", { root: { path: 7 } }],
  ["root", { root: undefined }],
  ["hostname", { hostname: ["box"] }],
  ["mounts[0].destination", { mounts: [{ type: "proc", source: "proc" }] }],
  ["mounts[0].options", { mounts: [{ destination: "/proc", type: "proc", source: "proc", options: "ro" }] }],
  ["linux.namespaces", { linux: { namespaces: {} } }],
  ["linux.namespaces[5].type", { linux: { namespaces: [...namespaces(), { type: "universe" }] } }],
  ["linux.maskedPaths[0]", { linux: { maskedPaths: [null] } }],
  ["linux.resources.devices[0].allow", { linux: { resources: { devices: [{ access: "rwm" }] } } }],
  ["linux.uidMappings[0].size", { linux: { uidMappings: [{ containerID: 0, hostID: 0 }] } }],
  ["ociVersion", { ociVersion: undefined }],
  ["ociVersion", { ociVersion: "banana" }],
  ["ociVersion", { ociVersion: "2.0.0" }],
] as const satisfies readonly (readonly [string, Patch])[]) {
  testTsrun(`${path} of ${JSON.stringify(at(patch, path)) ?? "nothing"} is refused by its path`, async () => {
    const said = await refusedWith(patch);
    assert.ok(said.includes(`${path}:`) || said.includes(`${path} `), said);
  });
}

// What the host lacks is refused, not left out

const hasResctrl = / resctrl /.test(readFileSync("/proc/mounts", "utf8"));

testIf(!hasResctrl, "this host has resctrl")(
  "linux.intelRdt on a host without resctrl is refused",
  async () => {
    const said = await refusedWith({ linux: { intelRdt: { closID: "group" } } });
    assert.match(said, /linux\.intelRdt: this host has no resctrl file system: .*mount -t resctrl/);
  },
);

test("a property that runtime-spec doesn't know is ignored, as it asks for", () => {
  const { path } = bundle({ args: ["echo", "fine"], unheardOf: { of: 1 }, linux: { unheardOf: true } });
  assert.is(ranIn(path).stdout, "fine\n");
});

// The root

testTsrun("a root that isn't there is refused", async () => {
  const { path, rootfs } = bundle();
  rmSync(rootfs, { recursive: true });
  const said = await refused(path);
  assert.match(said, /root\.path|rootfs/);
  assert.match(said, /no such file or directory|does not exist/i);
});

testTsrun("a root that is a file is refused", async () => {
  const { path, rootfs } = bundle();
  rmSync(rootfs, { recursive: true });
  writeFileSync(rootfs, "");
  assert.match(await refused(path), /root\.path|rootfs/);
});

// The program; podman makes its exit status 127 or 126 of these words

testTsrun("a program that no directory of PATH has is refused", async () => {
  const said = await refusedWith({ args: ["not-there"] });
  assert.match(said, /not-there/);
  assert.match(said, /executable file not found|no such file or directory/i);
});

testTsrun("a program whose path isn't there is refused", async () => {
  const said = await refusedWith({ args: ["/not/there"] });
  assert.match(said, /\/not\/there/);
  assert.match(said, /no such file or directory/i);
});

testTsrun("a program that is no program is refused", async () => {
  const { path, rootfs } = bundle({ args: ["/etc/data"] });
  writeFileSync(join(rootfs, "etc/data"), "data");
  chmodSync(join(rootfs, "etc/data"), 0o644);
  const said = await refused(path);
  assert.match(said, /\/etc\/data/);
  assert.match(said, /permission denied/i);
});

testTsrun("a program that is a directory is refused", async () => {
  assert.match(await refusedWith({ args: ["/etc"] }), /permission denied|is a directory/i);
});

/** What a `run` of a script, or of another program at its place, says. */
function saidOfScript(content: string | Uint8Array): string {
  const { path, rootfs } = bundle({ args: ["/script"] });
  writeFileSync(join(rootfs, "script"), content);
  chmodSync(join(rootfs, "script"), 0o755);
  return complaint(ranIn(path));
}

test("a script whose interpreter isn't there fails at start, and says so", () => {
  const said = saidOfScript("#! /not/there -x\n");
  assert.match(said, /no such file or directory/i);
  if (isTsrun)
    assert.match(said, "; /not/there is missing, the interpreter that is named in the first line of /script");
});

testTsrun("a script whose lines end as Windows writes them is told apart from a missing one", () => {
  assert.match(saidOfScript("#!/bin/sh\r\necho\r\n"), "the first line of /script ends in a carriage return");
});

testTsrun("of a program whose loader isn't there, or of its interpreter's, the loader is named", () => {
  const headers = new Uint8Array(120);
  headers.set(readFileSync(runtimePath).subarray(0, 64));
  const elf = new DataView(headers.buffer);
  elf.setBigUint64(32, 64n, true); // one program header, right after the file's
  elf.setUint16(54, 56, true);
  elf.setUint16(56, 1, true);
  elf.setUint32(64, 3 /* PT_INTERP */, true);
  elf.setBigUint64(64 + 8, 120n, true);
  const path = new TextEncoder().encode("/lib/loader.so\0");
  elf.setBigUint64(64 + 32, BigInt(path.length), true);
  const said = saidOfScript(new Uint8Array([...headers, ...path]));
  assert.match(said, "; /lib/loader.so is missing, the dynamic loader of /script");
});

testTsrun("an interpreter that is a device or a pipe of the image is not opened", () => {
  const { path, rootfs } = bundle({ args: ["/script"] });
  assert.is(spawnSync("mkfifo", ["-m", "755", join(rootfs, "pipe")]).status, 0);
  writeFileSync(join(rootfs, "script"), "#!/pipe\n", { mode: 0o755 });
  complaint(ranIn(path));
});

test("a file that the kernel can't execute fails at start, and says so", () => {
  const { path, rootfs } = bundle({ args: ["/data"] });
  writeFileSync(join(rootfs, "data"), "\x7fno program");
  chmodSync(join(rootfs, "data"), 0o755);
  assert.match(complaint(ranIn(path)), /exec format error/i);
});

const elfFor = (machine: number) => {
  const headers = readFileSync(runtimePath).subarray(0, 4096);
  headers.writeUInt16LE(machine, 18);
  return headers;
};

for (const [what, content, said] of [
  [
    "a program for another platform",
    elfFor(243),
    /\/script is built for riscv64, and this machine is \w+64: /,
  ],
  ["a script whose interpreter is for another platform", "#!/data\n", /\/data is built for riscv64/],
  ["an empty file", "", /; \/script is empty$/],
  ["a script without #!", "echo\n", /; \/script is text without #! and an interpreter in its first line$/],
  ["a script with a byte order mark", "\uFEFF#!/bin/sh\n", /begins with a byte order mark/],
  ["a program for Windows", "MZ\x90\0", /; \/script is a program for Windows$/],
] as const)
  testTsrun(`the kernel can't execute ${what}, and what it is is told`, () => {
    const { path, rootfs } = bundle({ args: ["/script"] });
    writeFileSync(join(rootfs, "data"), elfFor(243), { mode: 0o755 });
    writeFileSync(join(rootfs, "script"), content, { mode: 0o755 });
    assert.match(complaint(ranIn(path)), said);
  });

// The rest

testTsrun("a namespace whose path is gone is refused", async () => {
  const said = await refusedWith({ linux: { namespaces: namespaces({ network: "/proc/4194304/ns/net" }) } });
  assert.match(said, /linux\.namespaces\[1\]\.path/);
});

test("a caller that isn't root is told so", () => {
  const { path } = bundle();
  const through = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "--"];
  const root = freshDirectory("unprivileged");
  chmodSync(root, 0o777);
  complaint(runtime(["create", "--bundle", path, uniqueId()], { through, root }));
});

test("a pid file that can't be written is refused, and no container is left", () => {
  const id = uniqueId();
  const { path } = bundle({ args: ["sleep", "60"] });
  const said = complaint(runtime(["create", "--bundle", path, "--pid-file", "/not/there/pid", id]));
  assert.match(said, "/not/there/pid");
  assert.is.not(runtime(["state", id]).status, 0);
});

testTsrun(
  "a link in a pid file's place is replaced; where its draft is made, it is refused, and stays",
  () => {
    const theirs = freshDirectory("theirs");
    writeFileSync(join(theirs, "there"), "theirs");
    const links = ["there", "not-there"].map((name) => join(theirs, name));
    for (const link of links) {
      const directory = freshDirectory("pids");
      const { path } = bundle({ args: ["true"] });
      const create = (name: string) =>
        runtime(["run", "--bundle", path, "--pid-file", join(directory, name), uniqueId()]);
      symlinkSync(link, join(directory, "final"));
      succeeded(create("final"));
      assert.ok(lstatSync(join(directory, "final")).isFile());
      for (let ahead = 0; ahead < 1000; ahead++)
        symlinkSync(link, join(directory, `draft.${process.pid + ahead}`));
      assert.match(complaint(create("draft")), /--pid-file .*draft: cannot be written: EEXIST/);
      assert.is(readdirSync(directory).length, 1001);
    }
    assert.equal(readdirSync(theirs), ["there"]);
    assert.is(readFileSync(join(theirs, "there"), "utf8"), "theirs");
  },
);

testTsrun("a pid file that there is no room for is refused by its name, and nothing is left of it", () => {
  const directory = freshDirectory("full");
  using _ = mounted(directory, "-t", "tmpfs", "-o", "size=16k", "pid-files");
  writeFileSync(join(directory, "others"), Buffer.alloc(16_384));
  const file = join(directory, "pid");
  const { path } = bundle({ args: ["sleep", "60"] });
  const said = complaint(runtime(["create", "--bundle", path, "--pid-file", file, uniqueId()]));
  assert.match(said, `--pid-file ${file}: cannot be written: ENOSPC`);
  assert.equal(readdirSync(directory), ["others"]);
});

for (const size of [4, 16, 64, 128])
  testTsrun(`no room for a container, in ${size} KiB, is refused, and none is left`, () => {
    const root = freshDirectory("full");
    using _ = mounted(root, "-t", "tmpfs", "-o", `size=${size}k`, "state");
    const { path } = bundle({ args: ["sleep", "60"] });
    assert.match(complaint(runtime(["create", "--bundle", path, uniqueId()], { root })), "ENOSPC");
    assert.equal(readdirSync(root), []);
  });

leavesNothing();
test.run();

/** The value at a JSON path such as `mounts[0].options`. */
function at(value: Json | undefined, path: string): Json | undefined {
  let found: unknown = value;
  for (const key of path.split(/[.[\]]+/).filter((part) => part !== "")) {
    found = found === null || found === undefined ? undefined : Reflect.get(Object(found), key);
  }
  return found as Json | undefined; // a part of Json is Json
}
