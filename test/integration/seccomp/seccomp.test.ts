// Runs beside other files.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { capabilities, namespaces } from "../../harness/bundle.ts";
import { canCompile, testCompiled } from "../../harness/compile.ts";
import { container, ran, ranIn, started } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../../harness/leaks.ts";
import { parseStatus } from "../../harness/processes.ts";
import { complaint, runtime, succeeded } from "../../harness/runtime.ts";
import { testIf } from "../../harness/skip.ts";
import {
  allowing,
  answered,
  denying,
  ENOSYS,
  EPERM,
  engineProfile,
  MKDIR,
  numberOf,
  probe,
  probing,
  SIGSYS,
  script,
  testNarrow,
} from "./profiles.ts";

// What the program finds

for (const noNewPrivileges of [true, false]) {
  const how = noNewPrivileges ? "with" : "without";

  test(`${how} noNewPrivileges the program is filtered, and has the privileges of config.json`, () => {
    const sets = capabilities(["CAP_KILL", "CAP_CHOWN"]);
    const process = { noNewPrivileges, capabilities: sets };
    const status = parseStatus(script("cat /proc/self/status", denying(MKDIR), { process }).stdout);
    assert.is(status.get("Seccomp"), "2");
    assert.is(status.get("NoNewPrivs"), noNewPrivileges ? "1" : "0");
    for (const set of ["CapPrm", "CapEff", "CapBnd"]) assert.is(status.get(set), "0000000000000021", set);
    for (const set of ["CapInh", "CapAmb"]) assert.is(status.get(set), "0000000000000000", set);
  });

  test(`${how} noNewPrivileges a user other than root is filtered, and has the ambient set alone`, () => {
    const process = {
      noNewPrivileges,
      user: { uid: 1000, gid: 1000 },
      capabilities: capabilities(["CAP_KILL"], { ambient: true }),
    };
    const status = parseStatus(script("cat /proc/self/status", denying(MKDIR), { process }).stdout);
    assert.is(status.get("Seccomp"), "2");
    for (const set of ["CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb"])
      assert.is(status.get(set), "0000000000000020", set);
  });

  test(`${how} noNewPrivileges a container in a user namespace is filtered`, () => {
    const mappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
    const linux = { namespaces: namespaces({ user: true }), uidMappings: mappings, gidMappings: mappings };
    const outcome = script("mkdir /tmp/x", denying(MKDIR), { linux, process: { noNewPrivileges } });
    assert.match(outcome.stderr, /Operation not permitted/);
  });

  testNarrow(`${how} noNewPrivileges a profile need allow nothing that the runtime does but execve`, () => {
    const profile = allowing(["execve", "write", "exit_group"]);
    assert.is(answered([numberOf("getpid")], profile, { process: { noNewPrivileges } }), -EPERM);
  });
}

test("without a profile nothing is filtered", () => {
  const { stdout } = ran({ args: ["cat", "/proc/self/status"] });
  assert.is(parseStatus(stdout).get("Seccomp"), "0");
});

test("an ambient CAP_SYS_ADMIN that is not permitted does not reach the program", () => {
  const sets = {
    ...capabilities(["CAP_KILL"]),
    bounding: ["CAP_KILL", "CAP_SYS_ADMIN"],
    inheritable: ["CAP_KILL", "CAP_SYS_ADMIN"],
    ambient: ["CAP_KILL", "CAP_SYS_ADMIN"],
  };
  const process = { noNewPrivileges: false, user: { uid: 1000, gid: 1000 }, capabilities: sets };
  const status = parseStatus(script("cat /proc/self/status", denying(MKDIR), { process }).stdout);
  for (const set of ["CapPrm", "CapEff", "CapAmb"]) assert.is(status.get(set), "0000000000000020", set);
});

// Actions

test("a denied call fails with EPERM, others go on", () => {
  const { stdout, stderr } = script("mkdir /tmp/x; touch /tmp/y && echo touched", denying(MKDIR));
  assert.match(stderr, /mkdir: .*Operation not permitted/);
  assert.is(stdout, "touched\n");
});

test("errnoRet is what a denied call fails with", () => {
  const { stderr } = script("mkdir /tmp/x", denying(MKDIR, { errnoRet: 28 }));
  assert.match(stderr, /No space left on device/);
});

testNarrow("defaultErrnoRet is what a call fails with that no rule names", () => {
  const profile = allowing(["execve", "write", "exit_group"], { defaultErrnoRet: 13 });
  assert.is(answered([numberOf("getpid")], profile), -13);
});

for (const action of ["SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_TRAP"]) {
  test(`${action} ends the program with SIGSYS`, () => {
    const { status, stdout } = script("echo before; exec mkdir /tmp/x", denying(MKDIR, { action }));
    assert.is(stdout, "before\n");
    assert.is(status, 128 + SIGSYS);
  });
}

test("SCMP_ACT_LOG lets a call pass", () => {
  assert.is(script("mkdir /tmp/x", denying(MKDIR, { action: "SCMP_ACT_LOG" })).status, 0);
});

testCompiled("SCMP_ACT_TRACE is ENOSYS without a tracer", () => {
  const profile = denying(["getpid"], { action: "SCMP_ACT_TRACE" });
  assert.is(answered([numberOf("getpid")], profile), -ENOSYS);
});

test("names that are unknown here are skipped", () => {
  const { stderr } = script("mkdir /tmp/x", denying(["no_such_call", ...MKDIR, "arm_fadvise64_64"]));
  assert.match(stderr, /Operation not permitted/);
});

testNarrow("a call that is newer than the profile is ENOSYS, so that libraries fall back", () => {
  const profile = allowing(["execve", "write", "exit_group", "openat2"]);
  assert.is(answered([numberOf("getpid")], profile), -EPERM);
  assert.is(answered([1000], profile), -ENOSYS);
});

// Arguments

testCompiled("a rule holds for the arguments that it names", () => {
  const [AF_INET, AF_NETLINK, SOCK_DGRAM] = [2, 16, 2];
  const args = [{ index: 0, value: AF_NETLINK, op: "SCMP_CMP_EQ" }];
  const profile = denying(["socket"], { args, errnoRet: 22 });
  assert.is(answered([numberOf("socket"), AF_NETLINK, SOCK_DGRAM, 0], profile), -22);
  assert.ok(answered([numberOf("socket"), AF_INET, SOCK_DGRAM, 0], profile) >= 0);
});

testCompiled("all arguments of a rule must match, of a repeated one any", () => {
  const compare = (index: number, value: number) => ({ index, value, op: "SCMP_CMP_EQ" });
  const both = denying(["getpid"], { args: [compare(0, 1), compare(1, 2)] });
  assert.is(answered([numberOf("getpid"), 1, 2], both), -EPERM);
  assert.is(answered([numberOf("getpid"), 1, 3], both), 1);
  const any = denying(["getpid"], { args: [compare(0, 1), compare(0, 2)] });
  assert.is(answered([numberOf("getpid"), 2], any), -EPERM);
  assert.is(answered([numberOf("getpid"), 3], any), 1);
});

testCompiled("a masked comparison looks at the bits of its mask", () => {
  const args = [{ index: 0, value: 0xf000, valueTwo: 0x1000, op: "SCMP_CMP_MASKED_EQ" }];
  const profile = denying(["personality"], { args });
  assert.is(answered([numberOf("personality"), 0x1008], profile), -EPERM);
  assert.is(answered([numberOf("personality"), 0x0008], profile), 0);
});

testCompiled("2^64 - 1 is compared as it is", () => {
  const made = probing(
    [numberOf("getpid"), "18446744073709551615"],
    denying(["getpid"], { args: [{ index: 0, value: "MAX", op: "SCMP_CMP_EQ" }] }),
  );
  const file = join(made.path, "config.json");
  writeFileSync(file, readFileSync(file, "utf8").replace('"MAX"', "18446744073709551615"));
  assert.is(Number(succeeded(ranIn(made.path)).stdout), -EPERM);
});

// Architectures

const runs32 = canCompile && process.arch === "x64" && spawnSync(probe, ["-32", "20"]).status === 0;

const test32 = testIf(runs32, "needs gcc and an x86-64 kernel that runs i386 programs");

const [MKDIR_32, GETPID_32] = [39, 20];

test32("calls of an architecture that the profile does not name end the program", () => {
  assert.is(ranIn(probing(["-32", GETPID_32], denying(MKDIR)).path).status, 128 + SIGSYS);
});

test32("a profile's rules hold for each of its architectures", () => {
  const profile = { ...denying(MKDIR), architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"] };
  assert.is(answered(["-32", GETPID_32], profile), 1);
  assert.is(answered(["-32", MKDIR_32], profile), -EPERM);
  assert.is(answered([numberOf("mkdirat")], profile), -EPERM);
});

testTsrun("an architecture that the machine cannot filter is refused", () => {
  const seccomp = { ...denying(MKDIR), architectures: ["SCMP_ARCH_S390X"] };
  const said = complaint(ran({ args: ["true"], linux: { seccomp } }));
  assert.match(said, /config\.json: linux\.seccomp\.architectures\[0\]: .*SCMP_ARCH_S390X/);
});

// Engines' profiles

for (const name of ["workload", "sandbox", "docker-opts", "podman5-userns"]) {
  for (const noNewPrivileges of [true, false]) {
    const nnp = noNewPrivileges ? "with" : "without";
    test(`a shell runs under the profile of ${name}.json ${nnp} noNewPrivileges`, () => {
      const text =
        "mkdir /tmp/x && ls -l / | wc -l > /tmp/x/y && cat /tmp/x/y && ps > /dev/null && sleep 0.01";
      const { stdout } = succeeded(script(text, engineProfile(name), { process: { noNewPrivileges } }));
      assert.match(stdout, /^\d+\n$/);
    });
  }
}

test("containerd's profile denies what an ordinary container may not do", () => {
  const { stderr, status } = script("unshare -U true", engineProfile("workload"));
  assert.is.not(status, 0);
  assert.match(stderr, /Operation not permitted/);
});

// Exec, and the way over create and start

test("a container is filtered from its start on", async () => {
  const text = "mkdir /tmp/x; grep Seccomp: /proc/self/status";
  using box = container({ args: ["sh", "-c", text], linux: { seccomp: denying(MKDIR) } });
  box.create();
  box.start();
  await box.until("stopped");
  assert.match(box.printed(), /Operation not permitted/);
  assert.match(box.printed(), /^Seccomp:\t2$/m);
});

test("exec is filtered as the container is, whoever it runs as", () => {
  const process = { noNewPrivileges: false };
  using box = started({ args: ["sleep", "60"], process, linux: { seccomp: denying(MKDIR) } });
  for (const flags of [[], ["--no-new-privs"], ["--user", "1000"], ["--cap", "CAP_SYS_ADMIN"]]) {
    const outcome = runtime(["exec", ...flags, box.id, "sh", "-c", "mkdir /tmp/x || cat /proc/self/status"]);
    const status = parseStatus(succeeded(outcome).stdout);
    assert.is(status.get("Seccomp"), "2", flags.join(" "));
    assert.is(status.get("NoNewPrivs"), flags[0] === "--no-new-privs" ? "1" : "0");
    const sysAdmin = BigInt(`0x${status.get("CapEff")}`) & (1n << 21n);
    assert.is(sysAdmin !== 0n, flags[0] === "--cap", flags.join(" "));
  }
});

test("exec reports a program that is not there", () => {
  using box = started({ args: ["sleep", "60"], linux: { seccomp: denying(MKDIR) } });
  assert.match(complaint(box.exec("no-such-program")), /no-such-program/);
});

// libseccomp

const library = ["x86_64", "aarch64"]
  .map((name) => `/usr/lib/${name}-linux-gnu/libseccomp.so.2`)
  .find(existsSync);

const needsLibrary = "needs libseccomp where Debian has it";

const testLibrary = library === undefined ? testIf(false, needsLibrary) : testTsrun;

testLibrary("without libseccomp the package to install is named, and nothing is left", async () => {
  const left = watchLeaks();
  const hide = `mount --bind /dev/null ${realpathSync(library ?? "")} && exec "$@"`;
  const through = ["unshare", "--mount", "--propagation", "private", "sh", "-c", hide, "sh"];
  const said = complaint(ran({ args: ["true"], linux: { seccomp: denying(MKDIR) } }, { through }));
  assert.match(said, /linux\.seccomp: .*libseccomp2/);
  await left("of a failed run");
});

leavesNothing();
test.run();
