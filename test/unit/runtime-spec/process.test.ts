import { test } from "uvu";
import * as assert from "uvu/assert";
import { isUnlimited, UINT64_MAX } from "../../../runtime-spec/config.ts";
import { CAPABILITIES } from "../../../runtime-spec/config-process.ts";
import { parseJson } from "../../../runtime-spec/json.ts";
import { validateConfig } from "../../../runtime-spec/validate.ts";
import { accepts, config, refuses, warns, withProcess } from "./claims.ts";

accepts(
  "a full process",
  withProcess({
    terminal: true,
    consoleSize: { height: 25, width: 80 },
    user: { uid: 0, gid: 4294967294, umask: 0o22, additionalGids: [5, 5] },
    env: ["PATH=/bin", "EMPTY=", "A=b=c"],
    apparmorProfile: "p",
    selinuxLabel: "",
    oomScoreAdj: -1000,
    noNewPrivileges: true,
    ioPriority: { class: "IOPRIO_CLASS_IDLE", priority: 0 },
    execCPUAffinity: { initial: "0", final: "0-3, 7,8-15:2/4" },
  }),
);

refuses("a process without a program", config({ process: { cwd: "/" } }), "process.args is required");
refuses(
  "a process with an empty program",
  withProcess({ args: ["", "x"] }),
  "process.args[0] must not be empty: it names the program",
);
refuses("a process with no arguments", withProcess({ args: [] }), "process.args must not be empty");
refuses(
  "a process without a working directory",
  config({ process: { args: ["x"], cwd: "" } }),
  'process.cwd must be absolute, found ""',
);
refuses(
  "env entries without a name or a value",
  withProcess({ env: ["A=1", "B", "=C"] }),
  'process.env[1] must have the form "NAME=value", found "B"',
  'process.env[2] must have the form "NAME=value", found "=C"',
);
refuses(
  "a NUL byte in an argument",
  withProcess({ args: ["a\0b"] }),
  'process.args[0] must not contain a NUL byte, found "a\\u0000b"',
);
refuses(
  "users that do not exist",
  withProcess({ user: { uid: -1, gid: 4294967296, additionalGids: [1.5, "wheel"] } }),
  "process.user.uid must not be negative, found -1",
  "process.user.gid must be from 0 to 4294967294, found 4294967296",
  "process.user.additionalGids[0] must be an integer, found 1.5",
  'process.user.additionalGids[1] must be a number, found "wheel"',
);
refuses(
  "the id that setresuid(2) takes for none",
  withProcess({ user: { uid: 4294967295, gid: 4294967295, additionalGids: [4294967295] } }),
  "process.user.uid must be from 0 to 4294967294, found 4294967295",
  "process.user.gid must be from 0 to 4294967294, found 4294967295",
  "process.user.additionalGids[0] must be from 0 to 4294967294, found 4294967295",
);
warns(
  "a console size without a terminal",
  withProcess({ consoleSize: { height: 1, width: 1 } }),
  "process.consoleSize is ignored without a terminal",
);
refuses(
  "a console size that is none",
  withProcess({ terminal: true, consoleSize: { height: 65536 } }),
  "process.consoleSize.height must be from 0 to 65535, found 65536",
  "process.consoleSize.width is required",
);
refuses(
  "an OOM score out of range",
  withProcess({ oomScoreAdj: 1001 }),
  "process.oomScoreAdj must be from -1000 to 1000, found 1001",
);
refuses(
  "a wrong I/O priority",
  withProcess({ ioPriority: { class: "RT", priority: 8 } }),
  'process.ioPriority.class is not an I/O priority class: "RT" (one of: IOPRIO_CLASS_RT, IOPRIO_CLASS_BE, IOPRIO_CLASS_IDLE)',
  "process.ioPriority.priority must be from 0 to 7, found 8",
);
refuses(
  "CPU lists that are none",
  withProcess({ execCPUAffinity: { initial: "0,", final: "3-1" } }),
  'process.execCPUAffinity.initial must be a list of numbers and ranges like "0-3,7", found "0,"',
  'process.execCPUAffinity.final must be a list of numbers and ranges like "0-3,7", found "3-1"',
);

test("the capabilities are in the kernel's order", () => {
  assert.is(CAPABILITIES.length, 41);
  assert.is(CAPABILITIES.indexOf("CAP_SYS_ADMIN"), 21);
  assert.is(CAPABILITIES.indexOf("CAP_CHECKPOINT_RESTORE"), 40);
});
warns(
  "an unknown capability",
  withProcess({ capabilities: { bounding: ["CAP_CHOWN", "cap_kill"], permitted: ["CAP_TIME_TRAVEL"] } }),
  'process.capabilities.bounding[1] is not a known capability, and left out: "cap_kill"',
  'process.capabilities.permitted[0] is not a known capability, and left out: "CAP_TIME_TRAVEL"',
);
refuses(
  "an effective capability that is not permitted",
  withProcess({ capabilities: { effective: ["CAP_KILL"], permitted: ["CAP_CHOWN"] } }),
  "process.capabilities.effective[0] cannot be raised: CAP_KILL is not in permitted",
);
warns(
  "an unknown effective capability, once",
  withProcess({ capabilities: { effective: ["CAP_TIME_TRAVEL"] } }),
  'process.capabilities.effective[0] is not a known capability, and left out: "CAP_TIME_TRAVEL"',
);
warns(
  "an ambient capability that the kernel will not raise",
  withProcess({ capabilities: { permitted: ["CAP_CHOWN"], ambient: ["CAP_CHOWN"] } }),
  "process.capabilities.ambient[0] cannot be raised: CAP_CHOWN is not in inheritable",
);

const rlimits = (...rlimits: unknown[]) => withProcess({ rlimits });
refuses(
  "rlimits that are unknown, twice or upside down",
  rlimits(
    { type: "RLIMIT_CORE", soft: 1, hard: 1 },
    { type: "RLIMIT_CPU", soft: 2, hard: 1 },
    { type: "RLIMIT_CORE", soft: 0, hard: 0 },
  ),
  "process.rlimits[1].soft must not exceed hard (1), found 2",
  "process.rlimits[2].type is listed twice: RLIMIT_CORE is in [0]",
);
refuses(
  "an unknown rlimit",
  rlimits({ type: "NOFILE", hard: -1 }),
  'process.rlimits[0].type is not a resource limit: "NOFILE" (one of: RLIMIT_AS, RLIMIT_CORE, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE, RLIMIT_LOCKS, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_NOFILE, RLIMIT_NPROC, RLIMIT_RSS, RLIMIT_RTPRIO, RLIMIT_RTTIME, RLIMIT_SIGPENDING, RLIMIT_STACK)',
  "process.rlimits[0].soft is required",
  "process.rlimits[0].hard must not be negative, found -1",
);

/** What becomes of a limit that is written so in a config.json. */
function limitWritten(hard: string) {
  const limit = parseJson(`{"type": "RLIMIT_CPU", "soft": 1, "hard": ${hard}}`, "f");
  const { config, problems } = validateConfig(rlimits(limit));
  return problems[0]?.message ?? config.process?.rlimits?.[0]?.hard;
}

test("a 64-bit number is exact to its last digit", () => {
  assert.is(limitWritten("9007199254740991"), 9007199254740991);
  for (const digits of [
    "9007199254740992",
    "9007199254740993",
    "18446744073709551516",
    "18446744073709551615",
  ])
    assert.is(limitWritten(digits), BigInt(digits));
});

test("a number that 64 bits do not hold is refused with all its digits", () => {
  for (const digits of ["18446744073709551616", "18446744073709552000"])
    assert.is(limitWritten(digits), `must be from 0 to 2^64-1, found ${digits}`);
});

test("a number beyond 2^53 that is not written in digits is refused", () => {
  assert.is(limitWritten("1e3"), 1000);
  assert.is(limitWritten("1e18"), "must be written in digits alone, found 1000000000000000000");
});

test("RLIM_INFINITY and cgroup v1's largest number are known as unlimited", () => {
  const text = '{"type": "RLIMIT_CORE", "soft": 9223372036854771712, "hard": 18446744073709551615}';
  const { config, problems } = validateConfig(rlimits(parseJson(text, "f")));
  assert.equal(problems, []);
  const rlimit = config.process?.rlimits?.[0];
  assert.is(rlimit?.hard, UINT64_MAX);
  assert.ok(isUnlimited(rlimit?.soft ?? 0) && isUnlimited(rlimit?.hard ?? 0));
  assert.not.ok(isUnlimited(Number.MAX_SAFE_INTEGER));
});

const scheduler = (scheduler: unknown) => withProcess({ scheduler });
accepts(
  "a real-time scheduler",
  scheduler({ policy: "SCHED_FIFO", priority: 99, flags: ["SCHED_FLAG_RESET_ON_FORK"] }),
);
accepts(
  "a deadline scheduler",
  scheduler({ policy: "SCHED_DEADLINE", runtime: 1e6, deadline: 2e6, period: 0, nice: 0 }),
);
accepts(
  "a deadline scheduler with the least times",
  scheduler({ policy: "SCHED_DEADLINE", runtime: 1024, deadline: 1024, period: 1024 }),
);
accepts("a nice scheduler", scheduler({ policy: "SCHED_BATCH", nice: -20, priority: 0 }));
refuses(
  "a scheduler without a policy",
  scheduler({ nice: 20 }),
  "process.scheduler.policy is required",
  "process.scheduler.nice must be from -20 to 19, found 20",
);
refuses(
  "an unknown scheduler flag",
  scheduler({ policy: "SCHED_OTHER", flags: ["FAST"] }),
  'process.scheduler.flags[0] is not a scheduler flag: "FAST" (one of: SCHED_FLAG_RESET_ON_FORK, SCHED_FLAG_RECLAIM, SCHED_FLAG_DL_OVERRUN, SCHED_FLAG_KEEP_POLICY, SCHED_FLAG_KEEP_PARAMS, SCHED_FLAG_UTIL_CLAMP_MIN, SCHED_FLAG_UTIL_CLAMP_MAX)',
);
refuses(
  "a real-time scheduler without priority",
  scheduler({ policy: "SCHED_RR" }),
  "process.scheduler.priority must be from 1 to 99 with SCHED_RR, found 0",
);
refuses(
  "real-time and deadline properties for others",
  scheduler({ policy: "SCHED_OTHER", priority: 1, runtime: 5 }),
  "process.scheduler.priority has no meaning with SCHED_OTHER",
  "process.scheduler.runtime has no meaning with SCHED_OTHER",
);
warns(
  "niceness of a real-time scheduler",
  scheduler({ policy: "SCHED_RR", priority: 1, nice: 5 }),
  "process.scheduler.nice is ignored with SCHED_RR",
);
refuses(
  "a deadline scheduler with runtime > deadline > period",
  scheduler({ policy: "SCHED_DEADLINE", runtime: 3000, deadline: 2000, period: 1000 }),
  "process.scheduler.deadline must not be less than runtime (3000), found 2000",
  "process.scheduler.period must not be less than deadline (2000), found 1000",
);
refuses(
  "a deadline scheduler without runtime",
  scheduler({ policy: "SCHED_DEADLINE" }),
  "process.scheduler.runtime must be at least 1024 (nanoseconds), found 0",
);

test.run();
