// Runs beside other files.
// What `validate`, and in the same words `create`, say of a config.json: all of it at once, a line for each problem.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, type JsonObject, namespaces, type Patch } from "../../harness/bundle.ts";
import { started } from "../../harness/container.ts";
import { freshDirectory, stateRoot, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint, runtime, succeeded } from "../../harness/runtime.ts";

const validate = (directory: string) => runtime(["validate", "--bundle", directory]);
const lines = (text: string) => text.split("\n").filter((line) => line !== "");

testTsrun("a valid bundle is said to be valid, by its path, and nothing is made", () => {
  const { path } = bundle();
  const { stdout, stderr } = succeeded(validate(path));
  assert.equal([stdout, stderr], [`${path}: valid\n`, ""]);
  assert.equal(readdirSync(stateRoot), []);
  assert.equal(readdirSync(path).sort(), ["config.json", "rootfs"]);
});

testTsrun("without --bundle it is that of the current directory", () => {
  const { path } = bundle();
  assert.is(succeeded(runtime(["validate"], { cwd: path })).stdout, `${path}: valid\n`);
});

testTsrun("what is only doubtful is a warning, and the exit status 0", () => {
  const capabilities = { bounding: ["CAP_TIME_TRAVEL"] };
  const { stdout } = succeeded(validate(bundle({ process: { capabilities } }).path));
  assert.match(stdout, /^warning: config\.json: process\.capabilities\.bounding\[0\]: .*"CAP_TIME_TRAVEL"$/m);
});

testTsrun("a namespace that isn't there, as its pod has ended, is a warning", () => {
  const wanted = namespaces({ network: "/proc/4194304/ns/net" });
  const { stdout } = succeeded(validate(bundle({ linux: { namespaces: wanted } }).path));
  assert.match(
    stdout,
    /^warning: config\.json: linux\.namespaces\[\d\]\.path: the network namespace \/proc\/4194304\/ns\/net does not exist; does the process or sandbox that holds it still run\?\n\S+: valid\n$/,
  );
});

testTsrun("a limit of memory that nothing in cgroup v2 answers to is ignored with a warning", () => {
  const memory = { kernel: 1048576, kernelTCP: 1048576, swappiness: 10, disableOOMKiller: true };
  const { stdout } = succeeded(validate(bundle({ linux: { resources: { memory } } }).path));
  const names = [...stdout.matchAll(/^warning: config\.json: linux\.resources\.memory\.(\w+): ignored: /gm)];
  assert.equal(
    names.map(([, name]) => name),
    Object.keys(memory),
  );
});

const MISSPELT = {
  linux: { maskedPath: ["/proc/kcore"] },
  process: { noNewPrivilege: true },
  annotations: { "org.tsrun.landlok": "{}", "org.example.landlok": "{}", "org.tsrun.quux": "" },
};
const WARNINGS = [
  "config.json: process.noNewPrivilege: is not known, and ignored (did you mean noNewPrivileges?)",
  "config.json: linux.maskedPath: is not known, and ignored (did you mean maskedPaths?)",
  'config.json: annotations["org.tsrun.landlok"]: is not known, and ignored (did you mean org.tsrun.landlock?)',
  'config.json: annotations["org.tsrun.quux"]: is not known, and ignored',
];

testTsrun("validate warns of properties that are not known, with the nearest name", () => {
  const { stdout } = succeeded(validate(bundle(MISSPELT).path));
  for (const warning of WARNINGS) assert.ok(stdout.includes(`warning: ${warning}\n`), stdout);
});

for (const command of ["run", "create"]) {
  testTsrun(`${command} ignores them, and warns in the log; of nothing on standard error`, () => {
    const log = join(freshDirectory("log"), "log");
    const id = uniqueId();
    const call = { global: ["--log", log, "--log-format", "json"] };
    const { stderr } = succeeded(runtime([command, "--bundle", bundle(MISSPELT).path, id], call));
    if (command === "create") succeeded(runtime(["delete", "--force", id]));
    const entries = readFileSync(log, "utf8").trim().split("\n");
    const told = entries.map((line) => JSON.parse(line)).map(({ level, msg }) => [level, msg]);
    assert.equal(
      told,
      WARNINGS.map((warning) => ["warning", warning]),
    );
    assert.is(stderr, "");
  });
}

testTsrun("update warns of a limit in its file that is not known", () => {
  const log = join(freshDirectory("log"), "log");
  using one = started({ args: ["sleep", "60"] });
  const call = { input: '{ "cpu": { "share": 100 } }', global: ["--log", log] };
  succeeded(runtime(["update", "--resources", "-", one.id], call));
  assert.match(
    readFileSync(log, "utf8"),
    "standard input: cpu.share: is not known, and ignored (did you mean shares?)",
  );
});

for (const [what, text, place] of [
  ["no JSON", "{,}", /^tsrun: error: config\.json:1:2: /],
  ["no object", "[]", /^tsrun: error: config\.json: must be an object/],
  ["empty", "", /^tsrun: error: config\.json:1:1: /],
] as const) {
  testTsrun(`a config.json that is ${what} is refused with status 1`, () => {
    const { path } = bundle();
    writeFileSync(join(path, "config.json"), text);
    const outcome = validate(path);
    assert.is(outcome.status, 1);
    assert.match(complaint(outcome), place);
  });
}

testTsrun("a bundle that isn't there, or has no config.json, is refused with status 1", () => {
  for (const path of ["/not/there", freshDirectory("empty")]) {
    const outcome = validate(path);
    assert.is(outcome.status, 1);
    assert.match(complaint(outcome), /\/not\/there|config\.json/);
  }
});

/** One mistake of each kind, and what is said of it after `config.json: `. */
const MISTAKES: readonly (readonly [what: string, patch: Patch, said: string])[] = [
  ["a wrong type", { process: { terminal: "no" } }, 'process.terminal: must be true or false, found "no"'],
  ["a missing property", { root: { path: undefined } }, "root.path: is required"],
  [
    "an unknown word",
    { linux: { rootfsPropagation: "public" } },
    'linux.rootfsPropagation: is not a mount propagation: "public" (one of: shared, slave, private, unbindable, rshared, rslave, rprivate, runbindable)',
  ],
  [
    "a number out of range",
    { process: { oomScoreAdj: 1001 } },
    "process.oomScoreAdj: must be from -1000 to 1000, found 1001",
  ],
  ["a relative working directory", { process: { cwd: "tmp" } }, 'process.cwd: must be absolute, found "tmp"'],
  [
    "a relative masked path",
    { linux: { maskedPaths: ["proc/keys"] } },
    'linux.maskedPaths[0]: must be absolute, found "proc/keys"',
  ],
  [
    "a namespace that is listed twice",
    { linux: { namespaces: [...namespaces(), { type: "uts" }] } },
    'linux.namespaces[5].type: is listed twice: "uts" is in [3]',
  ],
  [
    "id mappings without a user namespace",
    { linux: { uidMappings: [{ containerID: 0, hostID: 1000, size: 1 }] } },
    'linux.uidMappings: needs { "type": "user" } in linux.namespaces',
  ],
  [
    "a user namespace without id mappings",
    {
      linux: {
        namespaces: namespaces({ user: true }),
        gidMappings: [{ containerID: 0, hostID: 1000, size: 1 }],
      },
    },
    'linux.uidMappings: is required: a new user namespace maps no ids by itself; write [{ "containerID": 0, "hostID": 100000, "size": 65536 }], or what "tsrun spec --rootless" writes',
  ],
  [
    "a sysctl of no namespace",
    { linux: { sysctl: { "vm.swappiness": "1" } } },
    'linux.sysctl["vm.swappiness"]: is not namespaced: it would change the host',
  ],
  [
    "a sysctl of a namespace that is the host's",
    { linux: { namespaces: namespaces({ network: false }), sysctl: { "net.ipv4.ip_forward": "1" } } },
    'linux.sysctl["net.ipv4.ip_forward"]: needs { "type": "network" } in linux.namespaces, or it would change the host',
  ],
  [
    "a hook with a relative path",
    { hooks: { poststop: [{ path: "bin/hook" }] } },
    'hooks.poststop[0].path: must be absolute, found "bin/hook"',
  ],
  [
    "a hook without any time",
    { hooks: { poststop: [{ path: "/hook", timeout: 0 }] } },
    "hooks.poststop[0].timeout: must be from 1 to 2147483647, found 0",
  ],
  [
    "a soft limit above the hard one",
    { process: { rlimits: [{ type: "RLIMIT_CORE", soft: 2, hard: 1 }] } },
    "process.rlimits[0].soft: must not exceed hard (1), found 2",
  ],
  [
    "an unknown kind of device",
    { linux: { devices: [{ type: "x", path: "/dev/x" }] } },
    'linux.devices[0].type: is not a device type: "x" (one of: b, c, u, p)',
  ],
  [
    "a device without its numbers",
    { linux: { devices: [{ type: "c", path: "/dev/x", major: 1 }] } },
    'linux.devices[0].minor: is required for a device of type "c"',
  ],
  [
    "a version that is none",
    { ociVersion: "1.0" },
    'ociVersion: must be a version in SemVer form like "1.3.0", found "1.0"',
  ],
  [
    "a version to come",
    { ociVersion: "2.0.0" },
    'ociVersion: must be a version 1.x of the runtime-spec, found "2.0.0"',
  ],
];

for (const [what, patch, said] of MISTAKES) {
  testTsrun(`${what} is told by validate and create alike`, () => {
    const { path } = bundle(patch);
    const outcome = validate(path);
    assert.is(complaint(outcome), `tsrun: error: config.json: ${said}`);
    assert.is(outcome.status, 1);
    assert.is(complaint(runtime(["create", "--bundle", path, uniqueId()])), complaint(outcome));
  });
}

testTsrun("all mistakes are told at once, a line for each", () => {
  const wrong: JsonObject = {
    ociVersion: "2.0.0",
    process: {
      ...{ terminal: "no", cwd: "tmp", args: [], env: ["X"], oomScoreAdj: 1001, user: { uid: -1 } },
      rlimits: [
        { type: "RLIMIT_CORE", soft: 2, hard: 1 },
        { type: "RLIMIT_FOO", soft: 1, hard: 1 },
      ],
    },
    root: {},
    mounts: [{ type: "proc" }, { destination: "/x", type: "bind" }],
    hooks: { prestart: [{ path: "hook" }], poststop: [{}] },
    linux: {
      namespaces: [{ type: "pid" }, { type: "pid" }],
      maskedPaths: ["x"],
      sysctl: { "net.ipv4.ip_forward": "1" },
      devices: [{ type: "x", path: "/dev/x" }],
      resources: { pids: { limit: -2 }, cpu: { period: 5 } },
    },
  };
  const { path } = bundle();
  writeFileSync(join(path, "config.json"), JSON.stringify(wrong));
  const outcome = validate(path);
  assert.is(outcome.status, 1);
  assert.is(outcome.stdout, "");
  const found = lines(outcome.stderr).map(
    (line) => /^tsrun: error: config\.json: (\S+): \S/.exec(line)?.[1] ?? line,
  );
  assert.equal(found.sort(), [
    ...["hooks.poststop[0].path", "hooks.prestart[0].path"],
    ...["linux.devices[0].type", "linux.maskedPaths[0]", "linux.namespaces[1].type"],
    ...["linux.resources.cpu.period", "linux.resources.pids.limit", 'linux.sysctl["net.ipv4.ip_forward"]'],
    ...["mounts[0].destination", "mounts[1].source", "ociVersion", "process.args", "process.cwd"],
    ...["process.env[0]", "process.oomScoreAdj", "process.rlimits[0].soft", "process.rlimits[1].type"],
    ...["process.terminal", "process.user.uid", "root.path"],
  ]);
  const created = runtime(["create", "--bundle", path, uniqueId()]);
  assert.is(created.stderr, outcome.stderr);
  assert.is(created.status, 1);
});

testTsrun(
  "paths that lead to namespaces of another kind, or to none, are wrong; those that lead nowhere yet are not",
  () => {
    const wanted = namespaces({
      network: "/proc/self/ns/uts",
      ipc: "/etc/passwd",
      uts: "/run/netns/not-made-yet",
    });
    const { stderr } = validate(bundle({ hostname: undefined, linux: { namespaces: wanted } }).path);
    assert.equal(lines(stderr), [
      "tsrun: error: config.json: linux.namespaces[1].path: /proc/self/ns/uts is not a network namespace: it is a uts namespace",
      "tsrun: error: config.json: linux.namespaces[2].path: /etc/passwd is not a namespace",
    ]);
  },
);

test("a terminal that nobody takes is refused, and so is a socket without a terminal to send", () => {
  const { path } = bundle({ process: { terminal: true } });
  const said = complaint(runtime(["create", "--bundle", path, uniqueId()]));
  assert.match(said, /cannot allocate tty .*console socket/);
  const { path: plain } = bundle();
  const socket = join(freshDirectory("socket"), "socket");
  complaint(runtime(["create", "--bundle", plain, "--console-socket", socket, uniqueId()]));
});

leavesNothing();
test.run();
