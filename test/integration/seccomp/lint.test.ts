// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, type JsonObject } from "../../harness/bundle.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { ask, config, isX64, profileFile, testKernel, testX64 } from "./answers.ts";
import { ALLOWED, allowing, answered, denying, EPERM, numberOf } from "./profiles.ts";

/** The findings about a profile that are about these words. */
function found(profile: JsonObject, about: RegExp): readonly string[] {
  const file = profileFile(profile);
  const { stdout, stderr } = ask("--lint", "--profile", file);
  assert.is(stderr, "");
  return stdout
    .split("\n")
    .filter((line) => about.test(line))
    .map((line) => line.slice(file.length + 2));
}

const rule = (names: readonly string[], action: string, ...args: readonly JsonObject[]) => ({
  ...{ names, action },
  ...(args.length > 0 ? { args } : {}),
});
const not = (index: number, value: number) => ({ index, op: "SCMP_CMP_NE", value });

testTsrun('two "not equal" that undo each other are found, in one rule and in two', () => {
  const [vsock, alg] = [not(0, 40), not(0, 38)];
  const always = /conditions undo each other/;
  const deny = { defaultAction: "SCMP_ACT_ERRNO" };
  const inOne = found({ ...deny, syscalls: [rule(["socket"], "SCMP_ACT_ALLOW", vsock, alg)] }, always);
  const holds = "this always holds: arg0 != AF_VSOCK or arg0 != AF_ALG. Every socket is allowed";
  assert.equal(inOne, [`syscalls[0].args: conditions undo each other, for ${holds}`]);
  const rules = [rule(["socket"], "SCMP_ACT_ALLOW", vsock), rule(["socket"], "SCMP_ACT_ALLOW", alg)];
  const inTwo = found({ ...deny, syscalls: rules }, always);
  assert.equal(inTwo, [`syscalls[0].args[0], syscalls[1].args[0]: conditions undo each other, for ${holds}`]);
  const exact = [rule(["socket"], "SCMP_ACT_ALLOW", vsock), rule(["bind"], "SCMP_ACT_ALLOW", alg)];
  assert.equal(found({ ...deny, syscalls: exact }, always), []);
});

testTsrun("a rule that is never reached is found, with the one that is", () => {
  const syscalls = [
    rule(["socket", "connect"], "SCMP_ACT_ALLOW"),
    rule(["socket"], "SCMP_ACT_KILL", { index: 0, op: "SCMP_CMP_EQ", value: 40 }),
    rule(["connect"], "SCMP_ACT_ERRNO"),
  ];
  const seen = found({ defaultAction: "SCMP_ACT_ERRNO", syscalls }, /syscalls\[[12]\]/);
  assert.equal(seen, [
    "syscalls[1].args[0]: is never reached: what it is about is allowed by syscalls[0]: socket",
    "syscalls[2]: is left out, as its action is the default one, and other calls than it says are allowed by syscalls[0]: connect",
  ]);
});

testTsrun("a rule that can't hold, and one that adds nothing, are found", () => {
  const syscalls = [
    rule(["dup2"], "SCMP_ACT_ALLOW", { index: 0, op: "SCMP_CMP_LE", value: 9 }),
    rule(["dup2"], "SCMP_ACT_ALLOW", { index: 0, op: "SCMP_CMP_EQ", value: 3 }),
    rule(["dup3"], "SCMP_ACT_ALLOW", { index: 0, op: "SCMP_CMP_MASKED_EQ", value: 6, valueTwo: 1 }),
    rule(["dup3"], "SCMP_ACT_ALLOW", { index: 1, op: "SCMP_CMP_EQ", value: 3 }),
  ];
  const seen = found({ defaultAction: "SCMP_ACT_ERRNO", syscalls }, /dup[23]/);
  if (isX64)
    assert.equal(seen, [
      "syscalls[1].args[0]: adds nothing: without it, the filter is the same (syscalls[0].args[0]): dup2",
      "syscalls[2].args[0]: can never hold, as its conditions contradict each other: dup3",
    ]);
});

testTsrun("names that libseccomp doesn't know are found: nobody makes rules for them", () => {
  const seen = found(denying(["mkdir", "open_wormhole", "close_wormhole"]), /wormhole/);
  const unknown = "this machine's libseccomp does not know open_wormhole, close_wormhole";
  assert.equal(seen, [`syscalls[0].names: ${unknown}: the rule is not made for them`]);
});

testTsrun("EPERM for calls that programs try first is found", () => {
  const problem = "gives EPERM for calls that programs try first, and replace by others only after ENOSYS";
  assert.equal(found(denying(["clone3", "statx"]), /EPERM/), [`syscalls[0]: ${problem}: clone3, statx`]);
  assert.equal(found(denying(["clone3", "statx"], { errnoRet: 38 }), /EPERM/), []);
  const old = found(allowing(["execve", "pidfd_getfd"]), /EPERM/);
  assert.match(old.join("\n"), /^defaultAction: gives EPERM .*clone3/);
});

testX64("io_uring, AF_ALG and user namespaces are told where they are allowed", () => {
  const open = found(ALLOWED, /io_uring|AF_ALG|CLONE_NEWUSER/);
  assert.is(open.length, 3, open.join("\n"));
  const closed = ["io_uring_setup", "socket", "socketcall", "clone", "clone3", "unshare"];
  const all = { architectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] };
  assert.equal(found({ ...denying(closed), ...all }, /io_uring|AF_ALG|CLONE_NEWUSER/), []);
});

testX64("what conditions on a socket do to i386's socketcall(2) is told: its arguments are in memory", () => {
  const architectures = ["SCMP_ARCH_X86"];
  const seen = (defaultAction: string, action: string, op: string) => {
    const syscalls = [rule(["socket"], action, { index: 0, op, value: 38 })];
    return found({ defaultAction, architectures, syscalls }, /in socketcall/).join("\n");
  };
  const deny = seen("SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_CMP_EQ");
  assert.match(
    deny,
    /^syscalls\[0\]\.args\[0\]: of socket's arguments .* there every one is answered with EPERM$/,
  );
  assert.match(seen("SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW", "SCMP_CMP_NE"), /there every one is allowed$/);
});

testX64("a condition that other upper bits get past is found, and the kernel does ignore them", () => {
  const seen = found(
    { defaultAction: "SCMP_ACT_ERRNO", syscalls: [rule(["socket"], "SCMP_ACT_ALLOW", not(0, 40))] },
    /64 bits/,
  );
  assert.match(
    seen.join("\n"),
    /^syscalls\[0\]\.args\[0\]: socket is denied by arg0, but the filter compares 64 bits/,
  );
  const equal = rule(["socket"], "SCMP_ACT_ALLOW", { index: 0, op: "SCMP_CMP_EQ", value: 40 });
  assert.equal(found({ defaultAction: "SCMP_ACT_ERRNO", syscalls: [equal] }, /64 bits/), []);
});

testKernel("bits above the 32 that the kernel takes get a socket past a rule about its family", () => {
  const rest = ["execve", "write", "exit_group"];
  const syscalls = [
    rule(rest, "SCMP_ACT_ALLOW"),
    rule(["socket"], "SCMP_ACT_ALLOW", not(0, 1)), // AF_UNIX, which every kernel has
  ];
  const profile = { defaultAction: "SCMP_ACT_ERRNO", syscalls };
  assert.is(answered([numberOf("socket"), 1, 1, 0], profile), -EPERM);
  assert.ok(answered([numberOf("socket"), 2 ** 32 + 1, 1, 0], profile) >= 0, "a socket");
});

testTsrun("a profile without anything to tell ends with status 0, and one without a profile not", () => {
  const closed = ["io_uring_setup", "socket", "socketcall", "clone", "clone3", "unshare"];
  const all = { architectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] };
  const clean = ask(
    "--lint",
    "--profile",
    profileFile({ ...denying(closed, { errnoRet: 38 }), ...(isX64 ? all : {}) }),
  );
  assert.equal([clean.stdout, clean.status], ["", 0]);
  const none = ask("--lint", "--bundle", bundle({ linux: { seccomp: undefined } }).path);
  assert.match(none.stdout, /config\.json: linux\.seccomp: is missing: every call is allowed\n$/);
  assert.is(none.status, 3);
});

for (const name of ["docker-run", "podman5-run", "workload-ctd17", "crio-workload"])
  testTsrun(`the profile of ${name}.json is linted without an error`, () => {
    const { stderr, status } = ask("--lint", "--profile", config(name));
    assert.equal([stderr, status], ["", 3]);
  });

leavesNothing();
test.run();
