import { test } from "uvu";
import * as assert from "uvu/assert";
import type {
  SeccompAction,
  SeccompArg,
  SeccompOperator,
} from "../../../../runtime-spec/config-linux-seccomp.ts";
import { compile } from "../../../../src/linux/seccomp/compile.ts";
import { testIf } from "../../../harness/skip.ts";
import { allowing, decision, denyingAllBut, engineProfile, library } from "./decision.ts";

const testX86 = testIf(process.arch === "x64", "needs an x86-64 machine");

// Actions

for (const [action, expected] of [
  ["SCMP_ACT_KILL", "KILL_THREAD"],
  ["SCMP_ACT_KILL_THREAD", "KILL_THREAD"],
  ["SCMP_ACT_KILL_PROCESS", "KILL_PROCESS"],
  ["SCMP_ACT_TRAP", "TRAP"],
  ["SCMP_ACT_ERRNO", "ERRNO 1"],
  ["SCMP_ACT_TRACE", "TRACE 1"],
  ["SCMP_ACT_LOG", "LOG"],
  ["SCMP_ACT_NOTIFY", "USER_NOTIF"],
] as const) {
  test(`${action} gives ${expected}, and leaves other calls alone`, () => {
    const program = allowing([{ names: ["mkdirat"], action }]);
    assert.is(decision(program, "mkdirat"), expected);
    assert.is(decision(program, "unlinkat"), "ALLOW");
  });
}

test("errnoRet is what the program gets, or its tracer", () => {
  const program = allowing([
    { names: ["mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 38 },
    { names: ["unlinkat"], action: "SCMP_ACT_TRACE", errnoRet: 7 },
    { names: ["linkat"], action: "SCMP_ACT_ERRNO", errnoRet: 0 },
  ]);
  assert.is(decision(program, "mkdirat"), "ERRNO 38");
  assert.is(decision(program, "unlinkat"), "TRACE 7");
  assert.is(decision(program, "linkat"), "ERRNO");
});

for (const [defaultAction, expected] of [
  ["SCMP_ACT_ALLOW", "ALLOW"],
  ["SCMP_ACT_LOG", "LOG"],
  ["SCMP_ACT_ERRNO", "ERRNO 13"],
  ["SCMP_ACT_TRACE", "TRACE 13"],
  ["SCMP_ACT_KILL_PROCESS", "KILL_PROCESS"],
] as const satisfies readonly (readonly [SeccompAction, string])[]) {
  test(`a default of ${defaultAction} holds for what no rule names`, () => {
    const takesErrno = defaultAction === "SCMP_ACT_ERRNO" || defaultAction === "SCMP_ACT_TRACE";
    const syscalls = [{ names: ["statx"], action: "SCMP_ACT_TRAP" }] as const;
    const errno = takesErrno ? { defaultErrnoRet: 13 } : {};
    const program = compile({ defaultAction, ...errno, syscalls }, library);
    assert.is(decision(program, "mkdirat"), expected);
    assert.is(decision(program, "statx"), "TRAP");
  });
}

test("a rule that says what the default says is no error", () => {
  const program = allowing([{ names: ["mkdirat"], action: "SCMP_ACT_ALLOW" }]);
  assert.is(decision(program, "mkdirat"), "ALLOW");
});

test("a profile without rules is its default", () => {
  assert.is(decision(compile({ defaultAction: "SCMP_ACT_ALLOW" }, library), "mkdirat"), "ALLOW");
  assert.is(decision(compile({ defaultAction: "SCMP_ACT_ERRNO" }, library), "mkdirat"), "ERRNO 1");
});

test("unknown names are left out, as is the empty one", () => {
  const program = allowing([
    { names: ["no_such_call", "", "x".repeat(5000), "mkdirat"], action: "SCMP_ACT_ERRNO" },
  ]);
  assert.is(decision(program, "mkdirat"), "ERRNO 1");
  assert.is(decision(program, "unlinkat"), "ALLOW");
});

// Arguments

const BIG = 2 ** 32 + 5;
const OPERATORS: readonly (readonly [SeccompOperator, (value: number) => boolean])[] = [
  ["SCMP_CMP_NE", (value) => value !== BIG],
  ["SCMP_CMP_LT", (value) => value < BIG],
  ["SCMP_CMP_LE", (value) => value <= BIG],
  ["SCMP_CMP_EQ", (value) => value === BIG],
  ["SCMP_CMP_GE", (value) => value >= BIG],
  ["SCMP_CMP_GT", (value) => value > BIG],
];

for (const [op, holds] of OPERATORS) {
  test(`${op} compares all 64 bits of an argument`, () => {
    const program = denied([{ index: 1, value: BIG, op }]);
    for (const value of [0, 5, BIG - 1, BIG, BIG + 1, 2 * BIG, 2 ** 32, 2 ** 33])
      assert.is(
        decision(program, "mkdirat", { args: [0, value] }),
        holds(value) ? "ERRNO 1" : "ALLOW",
        `${value}`,
      );
  });
}

test("SCMP_CMP_MASKED_EQ compares the bits of the mask `value` with `valueTwo`", () => {
  const program = denied([{ index: 2, value: 0xf0, valueTwo: 0x30, op: "SCMP_CMP_MASKED_EQ" }]);
  for (const value of [0x30, 0x3f, 0x130]) assert.is(decided(program, 0, 0, value), "ERRNO 1");
  for (const value of [0x40, 0xf0, 0]) assert.is(decided(program, 0, 0, value), "ALLOW");
});

test("without valueTwo the masked bits must be zero", () => {
  const program = denied([{ index: 0, value: 0xf0, op: "SCMP_CMP_MASKED_EQ" }]);
  assert.is(decided(program, 0x0f), "ERRNO 1");
  assert.is(decided(program, 0x1f), "ALLOW");
});

test("several arguments must all match", () => {
  const program = denied([
    { index: 0, value: 1, op: "SCMP_CMP_EQ" },
    { index: 1, value: 2, op: "SCMP_CMP_EQ" },
    { index: 5, value: 3, op: "SCMP_CMP_GE" },
  ]);
  assert.is(decided(program, 1, 2, 0, 0, 0, 3), "ERRNO 1");
  assert.is(decided(program, 1, 2, 0, 0, 0, 2), "ALLOW");
  assert.is(decided(program, 1, 1, 0, 0, 0, 3), "ALLOW");
});

test("when an argument is compared twice, one comparison suffices", () => {
  const program = denied([
    { index: 0, value: 1, op: "SCMP_CMP_EQ" },
    { index: 0, value: 2, op: "SCMP_CMP_EQ" },
    { index: 1, value: 9, op: "SCMP_CMP_EQ" },
  ]);
  for (const args of [[1], [2], [0, 9]]) assert.is(decided(program, ...args), "ERRNO 1");
  assert.is(decided(program, 3, 8), "ALLOW");
});

test("rules for one call add up", () => {
  const rule = (value: number, errnoRet: number) =>
    ({
      names: ["mkdirat"],
      action: "SCMP_ACT_ERRNO",
      errnoRet,
      args: [{ index: 0, value, op: "SCMP_CMP_EQ" }],
    }) as const;
  const program = allowing([rule(1, 11), rule(2, 12)]);
  assert.is(decided(program, 1), "ERRNO 11");
  assert.is(decided(program, 2), "ERRNO 12");
  assert.is(decided(program, 3), "ALLOW");
});

for (const value of [2n ** 64n - 1n, 2n ** 64n - 100n, 2n ** 63n, 2n ** 63n - 1n, 2n ** 53n + 1n])
  test(`${value} is compared to its last bit`, () => {
    const program = denied([{ index: 0, value, op: "SCMP_CMP_EQ" }]);
    assert.is(decided(program, value), "ERRNO 1");
    for (const other of [value - 1n, value ^ 1n, value & 0xffff_ffffn])
      assert.is(decided(program, other), "ALLOW");
  });

test("a mask and what must remain have 64 bits", () => {
  const [value, valueTwo] = [2n ** 64n - 2n, 2n ** 63n + 2n];
  const program = denied([{ index: 0, value, valueTwo, op: "SCMP_CMP_MASKED_EQ" }]);
  assert.is(decided(program, valueTwo + 1n), "ERRNO 1");
  assert.is(decided(program, valueTwo + 2n), "ALLOW");
});

function denied(args: readonly SeccompArg[]): Uint8Array {
  return allowing([{ names: ["mkdirat"], action: "SCMP_ACT_ERRNO", args }]);
}

const decided = (program: Uint8Array, ...args: readonly (number | bigint)[]) =>
  decision(program, "mkdirat", { args });

// Architectures

testX86("calls of an architecture that the profile does not name are deadly", () => {
  const program = allowing([{ names: ["mkdir"], action: "SCMP_ACT_ERRNO" }]);
  assert.is(decision(program, "getpid"), "ALLOW");
  for (const arch of ["SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64"] as const)
    assert.is(decision(program, "getpid", { arch }), "KILL_THREAD", arch);
});

testX86("the native architecture is there though the profile does not name it", () => {
  const program = allowing([{ names: ["mkdir"], action: "SCMP_ACT_ERRNO" }], {
    architectures: ["SCMP_ARCH_X86"],
  });
  assert.is(decision(program, "mkdir"), "ERRNO 1");
  assert.is(decision(program, "mkdir", { arch: "SCMP_ARCH_X86" }), "ERRNO 1");
});

testX86("a rule holds on each architecture, by its own number there", () => {
  const program = allowing([{ names: ["mkdir", "waitpid"], action: "SCMP_ACT_ERRNO" }], {
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  });
  for (const arch of ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"] as const) {
    assert.is(decision(program, "mkdir", { arch }), "ERRNO 1", arch);
    assert.is(decision(program, "rmdir", { arch }), "ALLOW", arch);
  }
  assert.is(decision(program, "waitpid", { arch: "SCMP_ARCH_X86" }), "ERRNO 1");
});

test("an architecture of the other byte order is refused", () => {
  assert.throws(
    () => allowing([], { architectures: ["SCMP_ARCH_S390X"] }),
    /linux\.seccomp\.architectures\[0\]: .*cannot filter SCMP_ARCH_S390X .*: EDOM/,
  );
});

// Calls newer than the profile

test("a call above all that the profile names gets ENOSYS, others the default", () => {
  const program = denyingAllBut(["read", "openat2"]);
  assert.is(decision(program, "read"), "ALLOW");
  assert.is(decision(program, "clone3"), "ERRNO 1");
  assert.is(decision(program, "openat2"), "ALLOW");
  assert.is(decision(program, "pidfd_getfd"), "ERRNO 38");
  assert.is(decision(program, 5000), "ERRNO 38");
});

test("so it does when the default kills", () => {
  const program = denyingAllBut(["read", "openat2"], { defaultAction: "SCMP_ACT_KILL_PROCESS" });
  assert.is(decision(program, "clone3"), "KILL_PROCESS");
  assert.is(decision(program, 5000), "ERRNO 38");
});

for (const defaultAction of ["SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE"] as const) {
  test(`a default of ${defaultAction} holds for new calls too`, () => {
    const syscalls = [{ names: ["read"], action: "SCMP_ACT_ERRNO" }] as const;
    const program = compile({ defaultAction, syscalls }, library);
    assert.is(decision(program, 5000), decision(program, "write"));
  });
}

test("names that the machine's architecture lacks do not count", () => {
  const program = denyingAllBut(["read", "write", "no_such_call"]);
  assert.is(decision(program, 5000), "ERRNO 38");
});

testX86("each architecture has a last call of its own", () => {
  const architectures = ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] as const;
  const program = denyingAllBut(["read", "write"], { architectures });
  assert.is(decision(program, 2), "ERRNO 38");
  assert.is(decision(program, 2, { arch: "SCMP_ARCH_X86" }), "ERRNO 1");
  assert.is(decision(program, 5, { arch: "SCMP_ARCH_X86" }), "ERRNO 38");
  assert.is(decision(program, 0x4000_0001, { arch: "SCMP_ARCH_X32" }), "ALLOW");
  assert.is(decision(program, 0x4000_0002, { arch: "SCMP_ARCH_X32" }), "ERRNO 38");
});

// Real profiles

testX86("an engine's profile allows, denies, and knows its limits", () => {
  for (const name of ["workload", "sandbox", "docker-opts"]) {
    const program = compile(engineProfile(name), library);
    assert.is(decision(program, "execve"), "ALLOW", name);
    assert.is(decision(program, "kexec_load"), "ERRNO 1", name);
    assert.is(decision(program, "clone3"), "ERRNO 38", name);
    assert.is(decision(program, "clone", { args: [0x1000_0000] }), "ERRNO 1", name);
    assert.is(decision(program, "clone", { args: [17] }), "ALLOW", name);
    assert.is(decision(program, "personality", { args: [0x20000] }), "ALLOW", name);
    assert.is(decision(program, "personality", { args: [0x400000] }), "ERRNO 1", name);
    assert.is(decision(program, "read", { arch: "SCMP_ARCH_X86" }), "ALLOW", name);
    assert.is(decision(program, 1000), "ERRNO 38", name);
  }
  const podman = compile(engineProfile("podman5-userns"), library);
  assert.is(decision(podman, "socket", { args: [16, 3, 9] }), "ERRNO 22");
  assert.is(decision(podman, "socket", { args: [16, 3, 0] }), "ALLOW");
  assert.is(decision(podman, 1000), "ERRNO 38");
});

test("a profile that becomes too long for the kernel is refused", () => {
  const rule = (value: number) =>
    ({
      names: ["mkdirat"],
      action: "SCMP_ACT_ERRNO",
      errnoRet: 1 + (value % 100),
      args: [{ index: 0, value, op: "SCMP_CMP_EQ" }],
    }) as const;
  const rules = Array.from({ length: 3000 }, (_, value) => rule(value));
  assert.throws(() => allowing(rules), /linux\.seccomp: .*instructions, and the kernel takes 4096 at most/);
});

test("a missing libseccomp is told with the package to install", () => {
  assert.throws(
    () => compile({ defaultAction: "SCMP_ACT_ALLOW" }, "/nowhere/libseccomp.so.2"),
    /^config\.json: linux\.seccomp: needs libseccomp\.so\.2, which .*: install the package libseccomp2$/,
  );
});

test.run();
