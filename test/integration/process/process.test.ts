// Runs beside other files.
import { chmodSync, chownSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { getPriority } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, capabilities, DEFAULT_MOUNTS, namespaces } from "../../harness/bundle.ts";
import { container, inside, ran, ranIn, started } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { parseStatus, type Status } from "../../harness/processes.ts";
import { complaint, succeeded } from "../../harness/runtime.ts";

/** /proc/self/status of a program in a container whose `process` is changed. */
function statusInside(process = {}, call = {}): Status {
  return parseStatus(inside(["cat", "/proc/self/status"], { process }, call));
}

const PATH = "PATH=/bin:/usr/bin";

// Environment, arguments, working directory

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

test("the working directory is config.json's", () => {
  assert.is(inside(["pwd"], { process: { cwd: "/etc" } }), "/etc\n");
});

test("a working directory that isn't there is made, root's and open to all to read", () => {
  for (const user of [
    { uid: 0, gid: 0 },
    { uid: 1000, gid: 1000 },
  ]) {
    const seen = inside(["sh", "-c", "pwd; stat -c '%a %u %g' ."], {
      process: { cwd: "/made/for/it", user },
    });
    assert.is(seen, "/made/for/it\n755 0 0\n");
  }
});

test("it is made below a read-only root, and where .. leads", () => {
  const root = { path: "rootfs", readonly: true };
  assert.is(inside(["pwd"], { process: { cwd: "/etc/../../../made/./here" }, root }), "/made/here\n");
});

test("it is made on a mount that covers its parent", () => {
  const mounts = [...DEFAULT_MOUNTS, { destination: "/srv", type: "tmpfs", source: "tmpfs" }];
  const args = ["sh", "-c", "pwd; stat -f -c %T ."];
  assert.is(inside(args, { process: { cwd: "/srv/deep" }, mounts }), "/srv/deep\ntmpfs\n");
});

test("a working directory that only root may enter is entered for a user who is not root", () => {
  const { path, rootfs } = bundle({
    args: ["sh", "-c", "readlink /proc/self/cwd; ls 2>&1"],
    process: { cwd: "/private", user: { uid: 1000, gid: 1000 } },
  });
  mkdirSync(join(rootfs, "private"), { mode: 0o700 });
  assert.match(ranIn(path).stdout, /^\/private\nls: .*Permission denied/);
});

test("one that only the user may enter is entered in a user namespace, whose root may not", () => {
  const mappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mappings, gidMappings: mappings };
  const { path, rootfs } = bundle({
    args: ["pwd"],
    process: { cwd: "/private", user: { uid: 1000, gid: 1000 } },
    linux,
  });
  mkdirSync(join(rootfs, "private"));
  chownSync(join(rootfs, "private"), 101000, 300000); // a group that is not mapped: root has no say
  chmodSync(join(rootfs, "private"), 0o700);
  assert.is(succeeded(ranIn(path)).stdout, "/private\n");
});

test("a working directory that nobody there may enter, or that is a file, is refused", () => {
  const mappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mappings, gidMappings: mappings };
  const { path, rootfs } = bundle({ args: ["pwd"], process: { cwd: "/private" }, linux });
  mkdirSync(join(rootfs, "private"), { mode: 0o700 });
  assert.match(complaint(ranIn(path)), /\/private.*permission denied/i);
  assert.match(complaint(ran({ args: ["pwd"], process: { cwd: "/etc/passwd" } })), /not a directory/i);
});

test("a relative working directory is refused", () => {
  complaint(ran({ args: ["pwd"], process: { cwd: "etc" } }));
});

// User and groups

test("the user, group and additional groups are config.json's", () => {
  const seen = statusInside({ user: { uid: 1000, gid: 1001, additionalGids: [33, 44, 1001] } });
  assert.is(seen.get("Uid"), "1000\t1000\t1000\t1000");
  assert.is(seen.get("Gid"), "1001\t1001\t1001\t1001");
  assert.is(seen.get("Groups"), "33 44 1001");
});

test("without additional groups there are none, whatever the caller has", () => {
  const through = ["setpriv", "--groups", "50,60", "--"];
  assert.is(statusInside({}, { through }).get("Groups"), "");
});

test("the umask is config.json's", () => {
  assert.is(statusInside({ user: { uid: 0, gid: 0, umask: 0o027 } }).get("Umask"), "0027");
});

test("without one the umask is 0022, whatever the caller's", () => {
  const through = ["sh", "-c", 'umask 0; exec "$@"', "sh"];
  assert.is(statusInside({}, { through }).get("Umask"), "0022");
});

// Capabilities: bit n of /proc/PID/status is capability n, linux/capability.h

const bits = (...numbers: number[]) =>
  numbers
    .reduce((sum, number) => sum | (1n << BigInt(number)), 0n)
    .toString(16)
    .padStart(16, "0");
const [CAP_CHOWN, CAP_KILL, CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT, CAP_BPF] = [0, 5, 10, 18, 39];

test("each capability set is its own", () => {
  const seen = statusInside({
    noNewPrivileges: false,
    capabilities: {
      bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT"],
      permitted: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
      inheritable: ["CAP_KILL", "CAP_NET_BIND_SERVICE"],
      effective: ["CAP_CHOWN"],
      ambient: ["CAP_NET_BIND_SERVICE"],
    },
    user: { uid: 1000, gid: 1000 },
  });
  assert.is(seen.get("CapBnd"), bits(CAP_CHOWN, CAP_KILL, CAP_NET_BIND_SERVICE, CAP_SYS_CHROOT));
  assert.is(seen.get("CapInh"), bits(CAP_KILL, CAP_NET_BIND_SERVICE));
  assert.is(seen.get("CapAmb"), bits(CAP_NET_BIND_SERVICE));
  // execve(2) of a plain file by a user other than root: permitted and effective become the ambient set
  assert.is(seen.get("CapPrm"), bits(CAP_NET_BIND_SERVICE));
  assert.is(seen.get("CapEff"), bits(CAP_NET_BIND_SERVICE));
});

test("an ambient capability that is not permitted and inheritable is no error, and not there", () => {
  const seen = statusInside({
    capabilities: { ...capabilities(["CAP_CHOWN"]), ambient: ["CAP_CHOWN", "CAP_KILL"] },
    user: { uid: 1000, gid: 1000 },
  });
  for (const set of ["CapAmb", "CapPrm", "CapEff"]) assert.is(seen.get(set), bits(), set);
});

test("root has what the bounding set leaves", () => {
  const seen = statusInside({ capabilities: capabilities(["CAP_CHOWN", "CAP_BPF"]) });
  for (const set of ["CapBnd", "CapPrm", "CapEff"]) assert.is(seen.get(set), bits(CAP_CHOWN, CAP_BPF), set);
  for (const set of ["CapInh", "CapAmb"]) assert.is(seen.get(set), bits(), set);
});

test("a user other than root has no capability without the ambient set", () => {
  const seen = statusInside({
    capabilities: capabilities(["CAP_CHOWN"]),
    user: { uid: 1000, gid: 1000 },
  });
  assert.is(seen.get("CapEff"), bits());
  assert.is(seen.get("CapPrm"), bits());
  assert.is(seen.get("CapBnd"), bits(CAP_CHOWN));
});

test("without capabilities there are none", () => {
  const seen = statusInside({ capabilities: undefined });
  for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) assert.is(seen.get(set), bits(), set);
});

test("an empty list of each takes all away", () => {
  const seen = statusInside({ capabilities: capabilities([], { ambient: true }) });
  for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) assert.is(seen.get(set), bits(), set);
});

for (const uid of [0, 1000])
  test(`the ambient set of the caller does not reach user ${uid}, who may inherit what is in it`, () => {
    const one = ["CAP_CHOWN"];
    const process = {
      user: { uid, gid: uid },
      capabilities: { bounding: one, permitted: one, effective: one, inheritable: one },
    };
    const through = ["setpriv", "--inh-caps=+chown", "--ambient-caps=+chown"];
    const seen = inside(["grep", "CapAmb", "/proc/self/status"], { process }, { through });
    assert.is(seen, `CapAmb:\t${bits()}\n`);
  });

// Limits and the rest

test("rlimits are config.json's", () => {
  const rlimits = [
    { type: "RLIMIT_NOFILE", soft: 100, hard: 200 },
    { type: "RLIMIT_CORE", soft: 0, hard: 0 },
    { type: "RLIMIT_NPROC", soft: 50, hard: 60 },
  ];
  const limits = inside(["cat", "/proc/self/limits"], { process: { rlimits } });
  assert.match(limits, /^Max open files +100 +200 /m);
  assert.match(limits, /^Max core file size +0 +0 /m);
  assert.match(limits, /^Max processes +50 +60 /m);
});

for (const [what, hooks] of [
  ["a container", {}],
  ["one with hooks", { createRuntime: [{ path: "/bin/true" }] }],
] as const)
  test(`a limit of few open files holds for the program of ${what} alone`, () => {
    const rlimits = [{ type: "RLIMIT_NOFILE", soft: 10, hard: 10 }];
    assert.is(inside(["sh", "-c", "ulimit -n"], { process: { rlimits }, hooks }), "10\n");
  });

test("an rlimit that isn't named is the caller's", () => {
  const limits = inside(["cat", "/proc/self/limits"], { process: { rlimits: [] } });
  const [own, seen] = [readFileSync("/proc/self/limits", "utf8"), limits].map(
    (text) => text.match(/^Max stack size +(.*)$/m)?.[1],
  );
  assert.is(seen, own);
});

test("an rlimit of 2^64-1, which no JavaScript number holds, is unlimited", () => {
  const { path } = bundle({
    args: ["cat", "/proc/self/limits"],
    process: { rlimits: [{ type: "RLIMIT_FSIZE", soft: 4096, hard: "MAX" }] },
  });
  const file = join(path, "config.json");
  writeFileSync(file, readFileSync(file, "utf8").replace('"MAX"', "18446744073709551615"));
  assert.match(succeeded(ranIn(path)).stdout, /^Max file size +4096 +unlimited /m);
});

test("an rlimit may be unlimited in both its values", () => {
  const { path } = bundle({
    args: ["cat", "/proc/self/limits"],
    process: { rlimits: [{ type: "RLIMIT_RSS", soft: "MAX", hard: "MAX" }] },
  });
  const file = join(path, "config.json");
  writeFileSync(file, readFileSync(file, "utf8").replaceAll('"MAX"', "18446744073709551615"));
  const { stdout } = succeeded(ranIn(path, { through: ["prlimit", "--rss=4096:unlimited"] }));
  assert.match(stdout, /^Max resident set +unlimited +unlimited /m);
});

testTsrun("an rlimit listed twice is refused", () => {
  const limit = { type: "RLIMIT_NOFILE", soft: 10, hard: 10 };
  complaint(ran({ args: ["true"], process: { rlimits: [limit, limit] } }));
});

test("an unknown rlimit is refused", () => {
  complaint(ran({ args: ["true"], process: { rlimits: [{ type: "RLIMIT_FOO", soft: 1, hard: 1 }] } }));
});

for (const noNewPrivileges of [true, false]) {
  test(`noNewPrivileges: ${noNewPrivileges} is what the program finds`, () => {
    assert.is(statusInside({ noNewPrivileges }).get("NoNewPrivs"), noNewPrivileges ? "1" : "0");
  });
}

test("noNewPrivileges of the caller can't be taken back", () => {
  const through = ["setpriv", "--no-new-privs"];
  assert.is(statusInside({ noNewPrivileges: false }, { through }).get("NoNewPrivs"), "1");
});

test("without noNewPrivileges there is no such limit", () => {
  assert.is(statusInside({ noNewPrivileges: undefined }).get("NoNewPrivs"), "0");
});

test("oomScoreAdj is config.json's", () => {
  assert.is(inside(["cat", "/proc/self/oom_score_adj"], { process: { oomScoreAdj: 321 } }), "321\n");
});

test("oomScoreAdj 0 is config.json's, too, whatever the caller's", () => {
  const through = ["sh", "-c", 'echo 300 > /proc/self/oom_score_adj; exec "$@"', "sh"];
  const read = ["cat", "/proc/self/oom_score_adj"];
  assert.is(inside(read, {}, { through }), "300\n");
  assert.is(inside(read, { process: { oomScoreAdj: 0 } }, { through }), "0\n");
});

test("without oomScoreAdj it is the caller's", () => {
  const own = readFileSync("/proc/self/oom_score_adj", "utf8");
  assert.is(inside(["cat", "/proc/self/oom_score_adj"]), own);
});

// Personality: runc 1.1 has none

const MACHINES: { readonly [arch: string]: string } = { x64: "i686", arm64: "armv8l" };

testTsrun("personality LINUX32 is a 32-bit machine to the process and to what is executed later", () => {
  const machine = MACHINES[process.arch];
  using one = started({ args: ["sleep", "60"], linux: { personality: { domain: "LINUX32" } } });
  assert.is(succeeded(one.exec("uname", "-m")).stdout, `${machine}\n`);
  assert.is(readFileSync(`/proc/${one.pid()}/personality`, "utf8"), "00000008\n");
});

testTsrun("personality LINUX is that of the machine, whatever the caller's", () => {
  const patch = { linux: { personality: { domain: "LINUX" } } };
  const seen = inside(["uname", "-m"], patch, { through: ["setarch", "linux32"] });
  assert.is(seen, inside(["uname", "-m"]));
});

// Signals

test("the program starts with default dispositions and an empty signal mask", () => {
  const seen = statusInside();
  for (const field of ["SigBlk", "SigIgn", "SigPnd", "ShdPnd"]) {
    assert.is(seen.get(field), "0".repeat(16), field);
  }
});

testTsrun("it does so when the caller ignores signals", () => {
  const through = ["sh", "-c", 'trap "" HUP INT USR1 PIPE TERM; exec "$@"', "sh"];
  assert.is(statusInside({}, { through }).get("SigIgn"), "0".repeat(16));
});

test("the program leads a session of its own", () => {
  const script = 'read _ _ _ _ _ session _ < /proc/self/stat; echo "$session $$"';
  assert.is(inside(["sh", "-c", script]), "1 1\n");
});

test("a user other than root can read its own /proc files", () => {
  const { status: ended } = ran({
    args: ["sh", "-c", "cat /proc/self/environ > /dev/null && readlink /proc/self/exe"],
    process: { user: { uid: 1000, gid: 1000 } },
  });
  assert.is(ended, 0);
});

test("the nice value is the caller's", () => {
  const through = ["nice", "-n", "3"];
  const nice = Math.min(getPriority() + 3, 19); // the tests may run with less priority than usual
  assert.is(inside(["sh", "-c", "cut -d' ' -f19 /proc/self/stat"], {}, { through }), `${nice}\n`);
});

test("a home directory too long for a path is none", () => {
  const made = bundle({ args: ["sh", "-c", "echo $HOME"] });
  writeFileSync(join(made.rootfs, "etc/passwd"), `root:x:0:0:root:/${"x".repeat(60_000)}:/bin/sh\n`);
  assert.is(succeeded(ranIn(made.path)).stdout, "/\n");
});

leavesNothing();
test.run();
