// Runs beside other files.
// Standard streams that a program opens anew, as images do whose logs are links to /dev/stdout.
import { chownSync, mkdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, namespaces } from "../../harness/bundle.ts";
import { container, ran, started } from "../../harness/container.ts";
import { freshDirectory, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { command, mounted } from "../../harness/mount.ts";
import { runtime, succeeded } from "../../harness/runtime.ts";

test("standard output that is a file can be opened anew by a user who is not root", () => {
  const { path } = bundle({
    args: ["sh", "-c", "echo one > /dev/stdout; echo two >> /dev/stderr"],
    process: { user: { uid: 1000, gid: 1000 } },
  });
  const { stdout, stderr } = succeeded(runtime(["run", "--bundle", path, uniqueId()]));
  assert.equal([stdout, stderr], ["one\n", "two\n"]);
});

const MAPPINGS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
const MAPPED = { namespaces: namespaces({ user: true }), uidMappings: MAPPINGS, gidMappings: MAPPINGS };

/** Ids from 1000 on are others outside than those before them. */
const PARTS = [
  { containerID: 0, hostID: 100_000, size: 1000 },
  { containerID: 1000, hostID: 300_000, size: 1000 },
];

testTsrun("so it can by a user whose id is mapped by a range that begins above 0", () => {
  const process = { user: { uid: 1007, gid: 1007 } };
  const linux = { ...MAPPED, uidMappings: PARTS, gidMappings: PARTS };
  const args = ["sh", "-c", "stat -L -c %u /proc/self/fd/1 > /dev/stdout"];
  assert.is(succeeded(ran({ args, process, linux })).stdout, "1007\n");
});

for (const uid of [0, 1000]) {
  testTsrun(`so it can by user ${uid} of a user namespace, and with exec, too`, () => {
    const args = ["sh", "-c", "echo one > /dev/stdout"];
    const process = { user: { uid, gid: uid } };
    assert.is(succeeded(ran({ args, process, linux: MAPPED })).stdout, "one\n");
    using box = started({ args: ["sleep", "60"], process, linux: MAPPED });
    assert.is(succeeded(box.exec(...args)).stdout, "one\n");
  });
}

test("a file that is given to the process's user keeps its group and mode", () => {
  const file = join(freshDirectory("stream"), "log");
  writeFileSync(file, "", { mode: 0o640 });
  chownSync(file, 0, 50);
  const { path } = bundle({ args: ["true"], process: { user: { uid: 1000, gid: 1001 } } });
  const through = ["sh", "-c", `"$@" >>${file}`, "sh"];
  succeeded(runtime(["run", "--bundle", path, uniqueId()], { through }));
  const { gid, mode } = statSync(file);
  assert.equal([gid, mode & 0o7777], [50, 0o640]);
});

test("a file on standard input stays its owner's", () => {
  const file = join(freshDirectory("stream"), "input");
  writeFileSync(file, "", { mode: 0o644 });
  const { path } = bundle({ args: ["true"], process: { user: { uid: 1000, gid: 1000 } } });
  const through = ["sh", "-c", `"$@" <${file}`, "sh"];
  succeeded(runtime(["run", "--bundle", path, uniqueId()], { through }));
  assert.is(statSync(file).uid, 0);
});

for (const [where, linux, owner] of [
  ["", {}, 1000],
  [" of a user namespace", MAPPED, 101_000],
] as const) {
  test(`pipes and files to write are given to the user${where}, what is to be read and all else is not`, () => {
    for (const inExec of [false, true]) {
      const directory = freshDirectory("streams");
      const owners = () =>
        ["read", "pipe", "written", "both", "directory"].map((name) => statSync(join(directory, name)).uid);
      for (const name of ["read", "written", "both"]) writeFileSync(join(directory, name), "");
      command("mkfifo", join(directory, "pipe"));
      mkdirSync(join(directory, "directory"));
      const patch = { args: ["sleep", "60"], process: { user: { uid: 1000, gid: 1000 } }, linux };
      using box = started(patch);
      const { path } = bundle({ ...patch, args: ["true"] });
      const verb = () => (inExec ? ["exec", box.id, "true"] : ["run", "--bundle", path, uniqueId()]);
      for (const streams of ["<read >written 2<directory", "<>pipe >both 2<>both", "<directory"]) {
        const through = ["sh", "-c", `cd ${directory}; exec "$@" ${streams}`, "sh"];
        succeeded(runtime(verb(), { through }));
      }
      assert.equal(owners(), [0, owner, owner, owner, 0]);
    }
  });
}

testTsrun("nothing is given away by a container that is refused", () => {
  const file = join(freshDirectory("stream"), "log");
  writeFileSync(file, "");
  chownSync(file, 33, 34);
  const through = ["sh", "-c", `exec "$@" >>${file}`, "sh"];
  const process = { user: { uid: 1000, gid: 1000 }, cwd: "/dev/null" };
  assert.is.not(ran({ args: ["true"], process }, { through }).status, 0);
  assert.is(statSync(file).uid, 33);
});

testTsrun("where the process has a terminal, its caller's streams stay the caller's", () => {
  const file = join(freshDirectory("stream"), "log");
  writeFileSync(file, "");
  const process = { terminal: true, user: { uid: 1000, gid: 1000 } };
  const { path } = bundle({ args: ["tty"], process, linux: MAPPED });
  const through = ["sh", "-c", `"$@" >>${file}`, "sh"];
  succeeded(runtime(["run", "--bundle", path, uniqueId()], { through, input: "" }));
  assert.match(readFileSync(file, "utf8"), /^\/dev\//);
  assert.is(statSync(file).uid, 0);
});

testTsrun("a program whose caller has closed its standard streams has null devices in their place", () => {
  using box = container({ args: ["sleep", "60"] });
  box.create({ through: ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"] });
  box.start();
  const streams = [0, 1, 2].map((fd) => readlinkSync(`/proc/${box.pid()}/fd/${fd}`));
  assert.equal(streams, ["/dev/null", "/dev/null", "/dev/null"]);
});

test("a standard stream on a read-only file system is no error", () => {
  const directory = freshDirectory("read-only");
  using _ = mounted(directory, "-t", "tmpfs", "read-only");
  writeFileSync(join(directory, "file"), "");
  command("mount", "-o", "remount,ro", directory);
  const { path } = bundle({ args: ["true"], process: { user: { uid: 1000, gid: 1000 } } });
  const through = ["sh", "-c", `"$@" 1<${directory}/file`, "sh"];
  succeeded(runtime(["run", "--bundle", path, uniqueId()], { through }));
});

leavesNothing();
test.run();
