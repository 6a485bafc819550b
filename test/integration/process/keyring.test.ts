// Runs beside other files.
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Bundle, bundle, namespaces, type Patch } from "../../harness/bundle.ts";
import { compiled, testCompiled } from "../../harness/compile.ts";
import { type Container, containerOf } from "../../harness/container.ts";
import { freshDirectory, isTsrun, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { type Call, runtime, silent, succeeded } from "../../harness/runtime.ts";

const SLEEP = ["sleep", "60"];
const MAPPINGS = [{ containerID: 0, hostID: 100000, size: 65536 }];
const MAPPED = { namespaces: namespaces({ user: true }), uidMappings: MAPPINGS, gidMappings: MAPPINGS };

const program = compiled("test/integration/process/keyring.c");
/** runc 1.1 gives an exec another keyring in a user namespace. */
const testTsrunKeys = isTsrun ? testCompiled : testTsrun;

/** A bundle that has the program. */
function withProgram(patch: Patch): Bundle {
  const made = bundle({ args: SLEEP, ...patch });
  copyFileSync(program, join(made.rootfs, "bin/keyring"));
  return made;
}

/** A container that was started, with these flags of `create`. */
function started(patch: Patch, flags: readonly string[] = [], call: Call = {}): Container {
  const one = containerOf(withProgram(patch), uniqueId());
  silent(runtime(["create", ...flags, "--bundle", one.bundle.path, one.id], call));
  one.start();
  return one;
}

/** What its possessor and its owner may do with it; the rest of the users nothing. */
const PERMISSIONS = isTsrun ? "3f1b0000" : "3f1[3b]000[08]";

/** A pattern of the keyring's name: runc's, and with tsrun what nobody could know before. */
const sessionOf = (id: string) => `_ses\\.${id}${isTsrun ? "\\.[0-9a-f-]{36}" : ""}`;

for (const [whose, patch] of [
  ["root", {}],
  ["another user", { process: { user: { uid: 1000, gid: 1000 } } }],
  ["root of a user namespace", { linux: MAPPED }],
  ["another user of a user namespace", { linux: MAPPED, process: { user: { uid: 1000, gid: 1000 } } }],
] as const satisfies readonly (readonly [string, Patch])[]) {
  testCompiled(`the container has a session keyring of its own, which ${whose} can use`, () => {
    const script = "keyring describe; keyring add key && keyring find key";
    const { path } = withProgram({ ...patch, args: ["sh", "-c", script] });
    const id = uniqueId();
    const { stdout } = silent(runtime(["run", "--bundle", path, id]));
    const [description, , payload] = stdout.split("\n");
    assert.match(description ?? "", new RegExp(`^keyring;\\d+;\\d+;${PERMISSIONS};${sessionOf(id)}$`));
    assert.is(payload, "secret");
  });

  testTsrunKeys(`a createContainer hook is in the keyring of a container of ${whose}`, () => {
    const file = join(freshDirectory("hook"), "keyring");
    chmodSync(dirname(file), 0o777);
    const hook = { path: "/bin/sh", args: ["sh", "-c", `${program} describe > ${file}`] };
    using one = started({ ...patch, hooks: { createContainer: [hook] } });
    assert.match(readFileSync(file, "utf8"), new RegExp(`;${sessionOf(one.id)}\n`));
  });

  testTsrunKeys(`what is executed later as ${whose} is in the same keyring`, () => {
    using one = started(patch);
    succeeded(one.exec("keyring", "add", "shared"));
    assert.is(succeeded(one.exec("keyring", "find", "shared")).stdout, "secret\n");
    assert.match(succeeded(one.exec("keyring", "describe")).stdout, new RegExp(`;${sessionOf(one.id)}\n`));
  });
}

testCompiled("containers do not find each other's keys", () => {
  using first = started({});
  using second = started({});
  succeeded(first.exec("keyring", "add", "private"));
  assert.match(second.exec("keyring", "find", "private").stdout, /Required key not available/);
});

testCompiled(
  "with --no-new-keyring the container keeps the caller's session keyring, and so do its execs",
  () => {
    const own = spawnSync(program, ["describe"], { encoding: "utf8" }).stdout;
    using one = started({}, ["--no-new-keyring"]);
    assert.is(succeeded(one.exec("keyring", "describe")).stdout, own);
  },
);

for (const [where, patch] of [
  ["a container", {}],
  ["one with a user namespace", { linux: MAPPED }],
] as const satisfies readonly (readonly [string, Patch])[]) {
  testTsrunKeys(`startContainer hooks of ${where} are in its session keyring`, () => {
    const hooks = { startContainer: [{ path: "/bin/sh", args: ["sh", "-c", "/bin/keyring add hooks"] }] };
    using one = started({ ...patch, hooks });
    assert.is(succeeded(one.exec("keyring", "find", "hooks")).stdout, "secret\n");
  });
}

leavesNothing();
test.run();
