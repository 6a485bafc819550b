import { test } from "uvu";
import { UINT64_MAX } from "../../../runtime-spec/config.ts";
import { accepts, refuses, warns, withLinux } from "./claims.ts";

const ALLOW = { defaultAction: "SCMP_ACT_ALLOW" };
const seccomp = (seccomp: object) => withLinux({ seccomp: { ...ALLOW, ...seccomp } });
const syscall = (syscall: object) =>
  seccomp({ syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW", ...syscall }] });
const NOTIFY = { syscalls: [{ names: ["mount"], action: "SCMP_ACT_NOTIFY" }] };

accepts(
  "a whole profile",
  seccomp({
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 38,
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"],
    flags: ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
    listenerPath: "/run/x.sock",
    listenerMetadata: "m",
    syscalls: [
      ...NOTIFY.syscalls,
      {
        names: ["clone"],
        action: "SCMP_ACT_TRACE",
        errnoRet: 65535,
        args: [{ index: 5, value: 1, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
      },
      {
        names: ["ioctl"],
        action: "SCMP_ACT_ALLOW",
        args: [{ index: 1, value: UINT64_MAX, op: "SCMP_CMP_EQ" }],
      },
    ],
  }),
);
accepts("a listener that nothing notifies", seccomp({ listenerPath: "/run/x.sock" }));

refuses("no default action", withLinux({ seccomp: {} }), "linux.seccomp.defaultAction is required");
refuses(
  "an unknown action",
  syscall({ action: "ALLOW" }),
  'linux.seccomp.syscalls[0].action is not a seccomp action: "ALLOW" (one of: SCMP_ACT_KILL, SCMP_ACT_KILL_PROCESS, SCMP_ACT_KILL_THREAD, SCMP_ACT_TRAP, SCMP_ACT_ERRNO, SCMP_ACT_TRACE, SCMP_ACT_ALLOW, SCMP_ACT_LOG, SCMP_ACT_NOTIFY)',
);
refuses(
  "an unknown flag",
  seccomp({ flags: ["TSYNC"] }),
  'linux.seccomp.flags[0] is not a seccomp flag: "TSYNC" (one of: SECCOMP_FILTER_FLAG_TSYNC, SECCOMP_FILTER_FLAG_LOG, SECCOMP_FILTER_FLAG_SPEC_ALLOW, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)',
);
refuses(
  "an unknown architecture",
  seccomp({ architectures: ["x86_64"] }),
  'linux.seccomp.architectures[0] is not a seccomp architecture: "x86_64" (one of: SCMP_ARCH_X86, SCMP_ARCH_X86_64, SCMP_ARCH_X32, SCMP_ARCH_ARM, SCMP_ARCH_AARCH64, SCMP_ARCH_LOONGARCH64, SCMP_ARCH_M68K, SCMP_ARCH_MIPS, SCMP_ARCH_MIPS64, SCMP_ARCH_MIPS64N32, SCMP_ARCH_MIPSEL, SCMP_ARCH_MIPSEL64, SCMP_ARCH_MIPSEL64N32, SCMP_ARCH_PPC, SCMP_ARCH_PPC64, SCMP_ARCH_PPC64LE, SCMP_ARCH_S390, SCMP_ARCH_S390X, SCMP_ARCH_SH, SCMP_ARCH_SHEB, SCMP_ARCH_PARISC, SCMP_ARCH_PARISC64, SCMP_ARCH_RISCV64)',
);
refuses(
  "an argument that is none",
  syscall({ args: [{ index: 6, op: "==" }] }),
  "linux.seccomp.syscalls[0].args[0].index must be from 0 to 5, found 6",
  "linux.seccomp.syscalls[0].args[0].value is required",
  'linux.seccomp.syscalls[0].args[0].op is not a seccomp operator: "==" (one of: SCMP_CMP_NE, SCMP_CMP_LT, SCMP_CMP_LE, SCMP_CMP_EQ, SCMP_CMP_GE, SCMP_CMP_GT, SCMP_CMP_MASKED_EQ)',
);
refuses(
  "a rule for no system call",
  syscall({ names: [] }),
  "linux.seccomp.syscalls[0].names must not be empty",
);
refuses(
  "an errno that the action cannot return",
  syscall({ errnoRet: 0 }),
  "linux.seccomp.syscalls[0].errnoRet SCMP_ACT_ALLOW cannot return an errno, found 0",
);
refuses(
  "a default errno that the action cannot return",
  seccomp({ defaultErrnoRet: 1 }),
  "linux.seccomp.defaultErrnoRet SCMP_ACT_ALLOW cannot return an errno, found 1",
);
refuses(
  "an errno that is none",
  syscall({ action: "SCMP_ACT_ERRNO", errnoRet: 4096 }),
  "linux.seccomp.syscalls[0].errnoRet must be from 0 to 4095 with SCMP_ACT_ERRNO, found 4096",
);
refuses(
  "notification of everything",
  withLinux({ seccomp: { defaultAction: "SCMP_ACT_NOTIFY", listenerPath: "/x" } }),
  "linux.seccomp.defaultAction must not be SCMP_ACT_NOTIFY",
);
refuses(
  "notification of nobody",
  seccomp(NOTIFY),
  "linux.seccomp.listenerPath is required with SCMP_ACT_NOTIFY: nobody would answer",
);
refuses(
  "metadata for nobody",
  seccomp({ listenerMetadata: "m" }),
  "linux.seccomp.listenerMetadata must not be set without listenerPath",
);
warns(
  "waiting for an answer that is never asked for",
  seccomp({ flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"] }),
  "linux.seccomp.flags[0] is ignored without SCMP_ACT_NOTIFY",
);

test.run();
