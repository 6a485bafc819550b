// Runs beside other files.
// What is said of a mistake is one line, names the place of the mistake, and tells of nothing else.
import { closeSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, type JsonObject, namespaces, type Patch } from "../../harness/bundle.ts";
import { freshDirectory, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { mounted } from "../../harness/mount.ts";
import { complaint, runtime, silent } from "../../harness/runtime.ts";
import { COLD } from "../../harness/served.ts";

/** What `run` says, in its one line, of a bundle that it refuses. */
const refused = (path: string) => complaint(runtime(["run", "--bundle", path, uniqueId()]));
const refusedWith = (patch: Patch) => refused(bundle(patch).path);

const LONG = `/${"x".repeat(300)}`;

/** A path through a link that leads to itself. */
function circle(): string {
  const path = join(freshDirectory("circle"), "link");
  symlinkSync("link", path);
  return join(path, "below");
}

// One line

const ODD = "/a\nb\u001b[31m\u0085\u2028\u202e";
const WRITTEN = "/a\\nb\\u001b[31m\\u0085\\u2028\\u202e";

for (const [what, patch] of [
  ["root.path", { root: { path: ODD } }],
  ["a namespace's path", { linux: { namespaces: namespaces({ network: ODD }) } }],
  ["process.args", { args: [ODD] }],
  ["a label", { process: { apparmorProfile: ODD } }],
  ["a hook", { hooks: { createRuntime: [{ path: ODD }] } }],
] as const satisfies readonly (readonly [string, Patch])[]) {
  testTsrun(`a newline and other control characters in ${what} are written as escapes`, () => {
    const said = refusedWith(patch);
    assert.ok(said.includes(WRITTEN), said);
  });
}

for (const flags of [["--root", ODD, "state", "x"], ["run", "--bundle", ODD, "x"], [`--${ODD}`], [ODD]]) {
  testTsrun(`the same goes for the command line: ${JSON.stringify(flags)}`, () => {
    const { stderr } = runtime([...flags]);
    const [said = "", ...more] = stderr.trimEnd().split("\n");
    assert.ok(said.includes(WRITTEN), said);
    assert.ok(
      more.every((line) => line.startsWith("Say ")),
      stderr,
    );
  });
}

testTsrun("what goes to the log is written so, too", () => {
  const log = join(freshDirectory("log"), "log");
  runtime(["run", "--bundle", ODD, "x"], { global: ["--log", log, "--log-format", "json"] });
  assert.ok(JSON.parse(readFileSync(log, "utf8")).msg.includes(WRITTEN));
});

// The place

for (const [errno, path] of [
  ["ENAMETOOLONG", LONG],
  ["ELOOP", circle()],
] as const) {
  const bind = (destination: string) => ({ destination, type: "bind", source: path, options: ["bind"] });
  for (const [place, patch, commands] of [
    ["root.path", { root: { path } }, ["run", "validate"]],
    [
      "linux.namespaces[1].path",
      { linux: { namespaces: namespaces({ network: path }) } },
      ["run", "validate"],
    ],
    ["mounts[0].source", { mounts: [bind("/x")] }, ["run"]],
    ["mounts[0].source", { mounts: [bind("/proc")] }, ["run"]],
  ] as const satisfies readonly (readonly [string, Patch, readonly string[]])[]) {
    testTsrun(`a path that cannot be looked at (${errno}) is refused by its place, ${place}`, () => {
      const { path: directory } = bundle(patch);
      for (const command of commands) {
        const id = command === "run" ? [uniqueId()] : [];
        const said = complaint(runtime([command, "--bundle", directory, ...id]));
        assert.ok(said.includes(`config.json: ${place}: `) && said.includes(errno), said);
      }
    });
  }
}

testTsrun("a cgroupsPath that is too long is refused by its place", () => {
  const cgroupsPath = `/${"x".repeat(200)}`.repeat(25);
  assert.match(refusedWith({ linux: { cgroupsPath } }), /config\.json: linux\.cgroupsPath: .*ENAMETOOLONG/);
});

testTsrun("a file that cannot be read is named by the flag that names it", () => {
  const said = complaint(runtime(["update", "--resources", LONG, uniqueId()]));
  assert.match(said, `--resources ${LONG}: cannot be read: ENAMETOOLONG`);
});

testTsrun("a state directory that has no room, or can't be, is named", () => {
  const root = freshDirectory("full");
  using _ = mounted(root, "-t", "tmpfs", "-o", "size=64k", "state");
  const { path } = bundle();
  const id = uniqueId();
  const run = (where: string) => complaint(runtime(["run", "--bundle", path, id], { root: where }));
  assert.match(run(root), `state directory ${root}/${id}: fallocate: ENOSPC`);
  assert.match(run(LONG), `state directory ${LONG}: mkdirat: ENAMETOOLONG`);
  assert.match(run(circle()), /state directory \S+: mkdirat: ELOOP/);
  assert.match(complaint(runtime(["state", id], { root: LONG })), `state directory ${LONG}/${id}: `);
});

testTsrun("a state directory that is full by now is named, and no mount is added", () => {
  const root = freshDirectory("full");
  using _ = mounted(root, "-t", "tmpfs", "-o", "size=1m", "state");
  const { path } = bundle({ args: ["sleep", "60"] });
  const id = uniqueId();
  silent(runtime(["create", "--bundle", path, id], { root })); // a program that begins gives memory back, some time later
  try {
    fill(join(root, "others"));
    const mount = [{ destination: "/dev/etc", type: "bind", source: "/etc", options: ["rbind"] }];
    const adding = runtime(["mounts", "add", id, "-"], { root, input: JSON.stringify(mount) });
    assert.match(complaint(adding), `state directory ${root}/${id}: write: ENOSPC`);
    assert.not.match(silent(runtime(["mounts", "list", id], { root })).stdout, "/dev/etc");
  } finally {
    silent(runtime(["delete", "--force", id], { root }));
  }
});

/** Writes to a file until there is no room left. */
function fill(path: string): void {
  const file = openSync(path, "w");
  const page = new Uint8Array(4096);
  try {
    while (writeSync(file, page) > 0);
  } catch (error) {
    assert.match(String(error), "ENOSPC");
  } finally {
    closeSync(file);
  }
}

testTsrun("standard output that has no room is named", () => {
  const through = ["sh", "-c", 'exec "$@" >/dev/full', "sh"];
  for (const command of ["list", "features"])
    assert.is(
      complaint(runtime([command], { through })),
      "tsrun: error: standard output: cannot be written: ENOSPC (no space left)",
    );
});

testTsrun("a limit of the caller's that the state directory meets is named", () => {
  const { path } = bundle();
  const said = (limit: string) =>
    complaint(runtime(["create", "--bundle", path, uniqueId()], { through: ["prlimit", limit], env: COLD }));
  assert.match(
    said("--fsize=5000:5000"),
    "EFBIG (file too large); raise the caller's limit of the size of files",
  );
  const words = "EMFILE (too many open files); raise the caller's limit of open files";
  assert.ok([6, 7, 8, 9].some((limit) => said(`--nofile=${limit}:${limit}`).includes(words)));
  for (let limit = 6; limit <= 12; limit++)
    assert.match(said(`--nofile=${limit}:${limit}`), /EMFILE .*\(ulimit -n\)/);
});

// Hints are of the cause, or there are none

testTsrun("only a namespace that is gone is asked after", () => {
  const asked = /still run\?/;
  const at = (path: string) => refusedWith({ linux: { namespaces: namespaces({ network: path }) } });
  assert.match(at("/proc/4194304/ns/net"), asked);
  assert.not.match(at(LONG), asked);
  assert.not.match(at(circle()), asked);
});

testTsrun("only a socket where nobody is gets asked whether somebody listens there", () => {
  const { path } = bundle();
  const at = (socket: string) =>
    complaint(runtime(["run", "--bundle", path, "--pidfd-socket", socket, uniqueId()]));
  assert.match(at("/not/there"), "does anybody listen there?");
  assert.not.match(at(circle()), "listen");
});

testTsrun("a limit of open files that nobody may set names what keeps it from that", () => {
  const most = Number(readFileSync("/proc/sys/fs/nr_open", "utf8"));
  const rlimits = [{ type: "RLIMIT_NOFILE", soft: most + 1, hard: most + 1 }];
  assert.match(
    refusedWith({ process: { rlimits } }),
    /rlimits\[0\]: .*EPERM.*nobody one above \/proc\/sys\/fs\/nr_open/,
  );
});

testTsrun("a file in a device's place is told of a tmpfs on /dev only where that would hide it", () => {
  const at = (device: string) => {
    const devices = [{ path: device, type: "c", major: 1, minor: 3 }];
    const { path, rootfs } = bundle({ mounts: [], linux: { devices } });
    mkdirSync(join(rootfs, dirname(device)), { recursive: true });
    writeFileSync(join(rootfs, device), "");
    return refused(path);
  };
  assert.match(at("/dev/mine"), "something other than this device is at /dev/mine already; a tmpfs on /dev");
  assert.not.match(at("/etc/mine"), "tmpfs");
});

testTsrun("a directory that can't be made on a read-only mount is not blamed on the rootfs alone", () => {
  const tmpfs = { destination: "/mnt", type: "bind", source: freshDirectory("ro"), options: ["bind", "ro"] };
  const inside = { destination: "/mnt/x", type: "tmpfs", source: "tmpfs" };
  assert.match(
    refusedWith({ mounts: [tmpfs, inside] }),
    /mkdirat "x": EROFS .*the rootfs, or a mount in it, is read-only/,
  );
});

// Nothing else

for (const patch of [{ args: ["/not/there"] }, { root: { path: "nowhere" } }, { process: { cwd: "x" } }]) {
  testTsrun(`--debug shows no stack of tsrun's for ${JSON.stringify(patch)}`, () => {
    const { path } = bundle(patch as JsonObject);
    const { stderr } = runtime(["run", "--bundle", path, uniqueId()], { global: ["--debug"] });
    assert.not.match(stderr, /^ +at |bunfs/m);
  });
}

testTsrun("a config.json that is given as the bundle is said to be a file", () => {
  const { path } = bundle();
  const file = join(path, "config.json");
  const said = complaint(runtime(["validate", "--bundle", file]));
  assert.match(said, `bundle ${file} is a file: name the directory that config.json is in`);
  assert.not.match(said, "tsrun spec");
});

testTsrun("only a directory without a config.json is told how to make one", () => {
  const directory = freshDirectory("empty");
  assert.match(
    complaint(runtime(["validate", "--bundle", directory])),
    "`tsrun spec` makes one, `tsrun unpack` makes one from an image, and --bundle names another",
  );
  mkdirSync(join(directory, "config.json"));
  assert.not.match(complaint(runtime(["validate", "--bundle", directory])), "tsrun spec");
});

leavesNothing();
test.run();
