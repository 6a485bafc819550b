// Runs beside other files.
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Seccomp } from "../../../runtime-spec/config-linux-seccomp.ts";
import { compile } from "../../../src/linux/seccomp/compile.ts";
import { findLibrary } from "../../../src/linux/seccomp/libseccomp.ts";
import { bundle, type JsonObject } from "../../harness/bundle.ts";
import { freshDirectory, testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint } from "../../harness/runtime.ts";
import {
  ARCHITECTURES,
  ask,
  config,
  contradicted,
  inContainer,
  isX64,
  namesIn,
  PODMAN_PROFILE,
  profileFile,
  testKernel,
  testX64,
  told,
  verdicts,
  withFilter,
} from "./answers.ts";
import { ALLOWED, allowing, denying, engineProfile, type Profile } from "./profiles.ts";

const on = (verdict: string) => ({ "x86-64": verdict, x86: verdict, x32: verdict });

/** Questions whose answers depend on arguments, on ways round, or on what is newer than the profiles. */
const QUESTIONS = [
  ...[
    "socket(AF_ALG)",
    "socket(AF_VSOCK)",
    "socket(AF_NETLINK, _, NETLINK_AUDIT)",
    "socket(1<<32 | AF_VSOCK)",
  ],
  ...[
    "clone(CLONE_NEWUSER)",
    "clone(CLONE_NEWUSER|SIGCHLD)",
    "clone(SIGCHLD)",
    "unshare(CLONE_NEWUSER)",
    "clone3",
  ],
  ...["personality(0)", "personality(-1)", "personality(0xffffffff)", "personality(ADDR_NO_RANDOMIZE)"],
  ...["io_uring_setup", "ptrace(PTRACE_ATTACH)", "ioctl(_, TIOCSTI)", "keyctl(KEYCTL_READ)", "466", "9999"],
];

/** Default profiles: docker's, podman's and containerd's, two of each, and CRI-O's. */
const ENGINES = [
  "docker-run",
  "docker-opts",
  "podman5-run",
  "podman5-userns",
  "workload",
  "workload-ctd17",
  "crio-workload",
];
const NAMES = [...new Set(ENGINES.flatMap((name) => namesIn(config(name))))];

for (const name of ENGINES)
  testKernel(`the kernel does what is said of each call with the profile of ${name}.json`, () => {
    const answers = told(config(name), ...QUESTIONS, ...NAMES);
    const asked = answers.reduce((sum, { architectures }) => sum + architectures.length, 0);
    assert.ok(asked > 350 * ARCHITECTURES.length, `only ${asked} verdicts`);
    assert.equal(contradicted(answers, inContainer(engineProfile(name))), []);
  });

testKernel("the kernel does what is said of a profile with every action and comparison", () => {
  const rule = (name: string, action: string, more = {}) => ({ names: [name], action, ...more });
  const when = (op: string, value: number, valueTwo?: number) => ({
    args: [{ index: 1, op, value, ...(valueTwo === undefined ? {} : { valueTwo }) }],
  });
  const profile = {
    ...{ defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 99, listenerPath: "/run/nobody.sock" },
    architectures: ARCHITECTURES.slice(0, 2),
    syscalls: [
      ...[rule("getpid", "SCMP_ACT_ALLOW"), rule("getppid", "SCMP_ACT_LOG"), rule("getuid", "SCMP_ACT_KILL")],
      ...[rule("getgid", "SCMP_ACT_KILL_PROCESS"), rule("geteuid", "SCMP_ACT_TRAP")],
      ...[rule("getegid", "SCMP_ACT_NOTIFY"), rule("gettid", "SCMP_ACT_ERRNO", { errnoRet: 7 })],
      ...[rule("getsid", "SCMP_ACT_TRACE", { errnoRet: 5 }), rule("seccomp", "SCMP_ACT_ALLOW")],
      rule("dup2", "SCMP_ACT_ALLOW", when("SCMP_CMP_GT", 2 ** 33)),
      rule("dup3", "SCMP_ACT_ALLOW", when("SCMP_CMP_LE", 2 ** 33 + 5)),
      rule("fchmod", "SCMP_ACT_ALLOW", when("SCMP_CMP_MASKED_EQ", 0o7000, 0o4000)),
      rule("fchown", "SCMP_ACT_ALLOW", when("SCMP_CMP_NE", 1000)),
      rule("fchown", "SCMP_ACT_ALLOW", { args: [{ index: 2, op: "SCMP_CMP_LT", value: 7 }] }),
      rule("fcntl", "SCMP_ACT_KILL", when("SCMP_CMP_GE", 1024)),
      rule("socket", "SCMP_ACT_ALLOW", { args: [{ index: 0, op: "SCMP_CMP_EQ", value: 1 }] }),
    ],
  };
  const file = profileFile(profile);
  const answers = told(
    file,
    ...namesIn(file),
    "dup2(0, 1<<33)",
    "fchmod(0, 04755)",
    "socket(AF_INET)",
    "466",
  );
  const actions = new Set(answers.map(({ action }) => action));
  const all = ["allow", "errno", "kill process", "kill thread", "log", "notify", "trace", "trap"];
  assert.equal([...actions].sort(), all);
  // Of a kind with the library's: what the command itself compiles is not told.
  assert.equal(contradicted(answers, withFilter(compile(profile as Seccomp, findLibrary().path))), []);
});

testX64("arguments are seen: docker's profile denies clone a user namespace, and other clones not", () => {
  const file = config("docker-run");
  assert.equal(verdicts(file, "clone(CLONE_NEWUSER|SIGCHLD)"), on("EPERM"));
  assert.equal(verdicts(file, "clone(SIGCHLD)"), on("allow"));
  assert.equal(verdicts(file, "clone3"), on("ENOSYS"));
});

testX64("the rule that decides is told by its path, and its condition; so is one that is not met", () => {
  const [allowed] = told(config("workload-ctd17"), "socket(AF_ALG)");
  assert.is(allowed?.rule, "linux.seccomp.syscalls[1].args[0] (arg0 != AF_VSOCK)");
  const [denied] = told(config("workload-ctd17"), "socket(AF_VSOCK)");
  const unmet = "not linux.seccomp.syscalls[1].args[0] (arg0 != AF_VSOCK)";
  assert.is(denied?.rule, `linux.seccomp.defaultAction; ${unmet}`);
});

testX64("calls that the kernel makes without asking a filter are told so", () => {
  const [said] = told(config("docker-run"), "335");
  assert.match(String(said?.rule), "; but newer kernels make this call of uprobes without asking a filter");
  const [other] = told(config("docker-run"), "337");
  assert.not.match(String(other?.rule), "asking");
});

testX64("what a question leaves open is answered by cases", () => {
  const cases = told(config("podman5-run"), "socket").filter(({ wayRound }) => wayRound === undefined);
  assert.equal(
    cases.map((one) => [one.if, one.errno ?? one.action]),
    [
      ["arg0 != AF_NETLINK", "allow"],
      ["arg0 == AF_NETLINK and arg2 != 9", "allow"],
      ["arg0 == AF_NETLINK and arg2 == 9", "EINVAL"],
    ],
  );
});

/** The ways round a call that are open, each with its architectures. */
const ways = (file: string, call: string) =>
  told(file, call)
    .filter(({ wayRound }) => wayRound !== undefined)
    .map(({ call: way, wayRound, architectures }) => [way, wayRound, architectures]);

testX64("ways round a rule are told: socketcall(2), io_uring, bits that the kernel ignores", () => {
  assert.equal(ways(config("workload-ctd17"), "socket(AF_VSOCK)"), [
    ["socket(AF_VSOCK)", "with other upper bits of arg0, which the kernel ignores", ["x86-64"]],
    ["io_uring_setup", "which does the same, where no filter sees it", ["x86-64", "x86", "x32"]],
    ["socketcall(SYS_SOCKET)", "which does the same", ["x86"]],
  ]);
});

testX64("another call that makes a user namespace is told where it is allowed", () => {
  const file = profileFile(denying(["clone"]));
  assert.equal(
    ways(file, "clone(CLONE_NEWUSER)").map(([way]) => way),
    ["unshare(CLONE_NEWUSER)", "clone3"],
  );
  assert.equal(ways(profileFile(denying(["clone", "clone3", "unshare"])), "clone(CLONE_NEWUSER)"), []);
});

testX64("an architecture that the profile does not name is killed, and told so", () => {
  const file = profileFile(allowing(["getpid"]));
  assert.equal(verdicts(file, "getpid"), { "x86-64": "allow", x86: "kill thread", x32: "kill thread" });
  const rules = told(file, "getpid").map(({ rule }) => rule);
  assert.ok(rules.includes("architectures, which lacks SCMP_ARCH_X86"), rules.join("\n"));
});

testTsrun("the status is 0 for allowed calls, 3 for denied ones, 4 where it depends", () => {
  const profile = profileFile({
    ...denying(["mkdir", "mkdirat", "io_uring_setup"]),
    architectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"],
  });
  const status = (...calls: readonly string[]) => ask("--profile", profile, ...calls).status;
  if (isX64) assert.is(status("getpid", "getuid"), 0);
  assert.is(status("mkdirat"), isX64 ? 3 : status("mkdirat"));
  assert.is(status("mkdirat", "getpid"), 4);
});

testTsrun("without a profile every call is allowed", () => {
  const made = bundle({ linux: { seccomp: undefined } });
  const { stdout, status } = ask("--bundle", made.path, "reboot");
  assert.match(stdout, /allow .*config\.json has no linux\.seccomp/);
  assert.is(status, 0);
});

testTsrun("a bundle of another runtime needs no rootfs to be asked about", () => {
  const directory = freshDirectory("bundle");
  copyFileSync(config("crio-workload"), join(directory, "config.json"));
  const { stdout, stderr } = ask("--bundle", directory, "acct");
  assert.is(stderr, "");
  assert.match(stdout, /EPERM .*linux\.seccomp\.syscalls\[13\]/);
});

// Engines' profiles

testX64("podman's own file is understood: architectures, capabilities, errnos by name", () => {
  assert.equal(verdicts(PODMAN_PROFILE, "bpf"), on("EPERM"));
  const { stdout } = ask("--profile", PODMAN_PROFILE, "--cap", "CAP_SYS_ADMIN", "bpf");
  assert.match(stdout, /allow +x86-64, x86, x32 +syscalls\[14\]/);
});

testTsrun(
  "rules for capabilities are for docker's default ones, and those that --cap adds in docker's words",
  () => {
    const with_ = (...caps: readonly string[]) => {
      const { stdout } = ask(
        ...caps.flatMap((cap) => ["--cap", cap]),
        "--profile",
        PODMAN_PROFILE,
        "chroot",
        "bpf",
      );
      return [...stdout.matchAll(/^\w+\n {2}(\w+)/gm)].map(([, verdict]) => verdict);
    };
    assert.equal(with_(), ["allow", "EPERM"]);
    for (const cap of ["CAP_SYS_ADMIN", "sys_admin", "ALL"])
      assert.equal(with_(cap), ["allow", "allow"], cap);
    assert.equal(with_("NONE"), ["EPERM", "EPERM"]);
    assert.equal(with_("NONE", "SYS_ADMIN"), ["EPERM", "allow"]);
    const wrong = ask("--cap", "SYS_ADMINN", "--profile", PODMAN_PROFILE, "bpf");
    assert.match(complaint(wrong), /--cap CAP_SYS_ADMINN: is not a known capability/);
  },
);

testX64("without the rule that is said to decide, the filter answers something else", () => {
  const file = config("workload-ctd17");
  const profile = engineProfile("workload-ctd17");
  const { syscalls } = profile as unknown as Seccomp; // an engine wrote it
  for (const call of [
    "socket(AF_ALG)",
    "clone(SIGCHLD)",
    "clone3",
    "personality(8)",
    "chroot",
    "ptrace",
    "read",
  ]) {
    const [said] = told(file, call);
    const [, index] = /syscalls\[(\d+)\]/.exec(said?.rule ?? "") ?? [];
    const name = call.replace(/\(.*/, "");
    const fewer = syscalls?.map((entry, at) =>
      at === Number(index)
        ? { ...entry, names: [...entry.names.filter((one) => one !== name), "getpid"] }
        : entry,
    );
    const [then] = told(profileFile({ ...profile, syscalls: fewer } as Profile), call);
    assert.is.not(`${then?.action} ${then?.errno}`, `${said?.action} ${said?.errno}`, call);
  }
});

testTsrun(
  "entries for other machines and later kernels are left out, and paths are those of the file",
  () => {
    const rule = (name: string, more: JsonObject) => ({ names: [name], action: "SCMP_ACT_ALLOW", ...more });
    const file = profileFile({
      defaultAction: "SCMP_ACT_ERRNO",
      syscalls: [
        rule("getpid", { includes: { arches: ["s390x"] } }),
        rule("getppid", { includes: { minKernel: "99.0" } }),
        rule("gettid", { includes: { minKernel: "4.8" } }),
        { name: "getuid", action: "SCMP_ACT_ALLOW", comment: "as docker wrote it until 2017" },
      ],
    });
    const { stdout } = ask("--profile", file, "getpid", "getppid", "gettid", "getuid");
    assert.match(stdout, /getpid\n {2}EPERM .*\n(.*\n)*?\ngetppid\n {2}EPERM /);
    assert.match(stdout, /gettid\n {2}allow .* syscalls\[2\]\n/);
    assert.match(stdout, /getuid\n {2}allow .* syscalls\[3\]\n/);
  },
);

testTsrun("what is not understood in a profile is named in one line each, and ignored", () => {
  const entry = { names: ["getpid"], action: "SCMP_ACT_ALLOW", includes: { moonPhase: "full" }, priority: 3 };
  const file = profileFile({ ...ALLOWED, syscalls: [entry], colour: "red" });
  const { stderr, status } = ask("--profile", file, "getpid");
  assert.is(
    stderr,
    ["colour", "syscalls[0].priority", "syscalls[0].includes.moonPhase"]
      .map((one) => `tsrun: warning: ${file}: ${one} is not understood, and ignored\n`)
      .join(""),
  );
  assert.is.not(status, 1);
});

// What is refused

const MISTAKES: readonly (readonly [call: string, message: RegExp])[] = [
  ["socket(AF_ALGG)", /AF_ALGG is no constant that tsrun knows \(did you mean AF_ALG\?\)/],
  ["soket", /knows no system call soket \(did you mean socket\?\)/],
  ["socket(AF_ALG", /is no system call: write its name/],
  ["read(1,2,3,4,5,6,7)", /has more than six arguments/],
  ["read(08)", /08 is no number/],
];

for (const [call, message] of MISTAKES)
  testTsrun(`${call} is refused, with what is wrong`, () => {
    const outcome = ask("--profile", config("docker-run"), call);
    assert.match(complaint(outcome), message);
    assert.is(outcome.status, 1);
  });

testTsrun("a file that is no profile is refused by its name", () => {
  const file = profileFile({ hello: 1 });
  assert.match(complaint(ask("--profile", file, "getpid")), `${file}: is not a profile`);
  assert.match(complaint(ask("--profile", "/nowhere", "getpid")), /\/nowhere: cannot be read: ENOENT/);
  const wrong = profileFile({ defaultAction: "SCMP_ACT_MAYBE" });
  assert.match(
    complaint(ask("--profile", wrong, "getpid")),
    `${wrong}: defaultAction: is not a seccomp action`,
  );
});

const WRONG_USES: readonly (readonly [args: readonly string[], message: RegExp])[] = [
  [[], /CALL is missing, as in 'socket\(AF_ALG\)'/],
  [["--diff", "/a"], /--diff takes two arguments, each a bundle or a profile/],
  [["--lint", "getpid"], /--lint takes no CALL, found "getpid"/],
  [["--lint", "--diff", "/a", "/b"], /--diff and --lint do not go together/],
  [["--bundle", "/a", "--profile", "/b", "getpid"], /--bundle and --profile do not go together/],
];

for (const [args, message] of WRONG_USES)
  testTsrun(`\`seccomp ${args.join(" ")}\` is refused`, () => {
    const { stderr, status } = ask(...args);
    assert.match(stderr, message);
    assert.is(status, 1);
  });

testTsrun("a rule that libseccomp can't make is refused by its place in the file", () => {
  const condition = { index: 0, op: "SCMP_CMP_EQ", value: 3 };
  const rule = (action: string, more: JsonObject) => ({ names: ["dup"], action, args: [condition], ...more });
  const file = profileFile({
    ...ALLOWED,
    syscalls: [
      rule("SCMP_ACT_KILL", { includes: { arches: ["s390x"] } }),
      rule("SCMP_ACT_ERRNO", {}),
      rule("SCMP_ACT_TRAP", {}),
    ],
  });
  assert.match(
    complaint(ask("--profile", file, "dup")),
    `${file}: syscalls[2]: libseccomp cannot make a rule for dup`,
  );
});

leavesNothing();
test.run();
