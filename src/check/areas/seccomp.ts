/** Filters about getppid(2), which nobody misses. */
import { close, getppid, prctl } from "../../kernel/calls.ts";
import { POLLIN, PR_SET_NO_NEW_PRIVS, SIGSYS } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { here } from "../../kernel/here.ts";
import { PollSet } from "../../kernel/poll.ts";
import {
  answerNotification,
  BPF_JMP_JEQ_K,
  BPF_LD_W_ABS,
  BPF_RET_K,
  type FilterInstruction,
  packFilter,
  receiveNotification,
  SECCOMP_DATA,
  SECCOMP_FILTER_FLAG_LOG,
  SECCOMP_FILTER_FLAG_NEW_LISTENER,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW,
  SECCOMP_FILTER_FLAG_TSYNC,
  SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
  SECCOMP_NOTIF_SIZE,
  SECCOMP_RET_ALLOW,
  SECCOMP_RET_ERRNO,
  SECCOMP_RET_KILL_PROCESS,
  SECCOMP_RET_KILL_THREAD,
  SECCOMP_RET_LOG,
  SECCOMP_RET_TRACE,
  SECCOMP_RET_TRAP,
  SECCOMP_RET_USER_NOTIF,
  setSeccompFilter,
  sockFprog,
} from "../../kernel/seccomp.ts";
import { fetchDescriptor } from "../../kernel/socket.ts";
import { syscallNumber } from "../../kernel/syscall-numbers.ts";
import { compile } from "../../linux/seccomp/compile.ts";
import { findLibrary } from "../../linux/seccomp/libseccomp.ts";
import type { Area, Feature } from "../feature.ts";
import type { Subject } from "../subject.ts";
import { Missing } from "../verdict.ts";

/** How long a notification may be on its way. */
const PATIENCE_MS = 500;
const ANSWER = 4321;

/** Loads a filter that gives `action` for getppid(2); returns what seccomp(2) returns. */
function load(subject: Subject, action: number, flags = 0): number {
  subject.do(prctl(PR_SET_NO_NEW_PRIVS, 1));
  const filter: readonly FilterInstruction[] = [
    { code: BPF_LD_W_ABS, k: SECCOMP_DATA.nr },
    { code: BPF_JMP_JEQ_K, k: syscallNumber("getppid"), whenFalse: 1 },
    { code: BPF_RET_K, k: action },
    { code: BPF_RET_K, k: SECCOMP_RET_ALLOW },
  ];
  const program = sockFprog(filter.length, subject.place(packFilter(filter)));
  return subject.do(setSeccompFilter(flags, program));
}

/** What an action shows itself by: what getppid(2) returns then, or that the process ends by SIGSYS. */
const ACTIONS = [
  { name: "ALLOW", action: SECCOMP_RET_ALLOW, shows: "the pid" },
  { name: "LOG", action: SECCOMP_RET_LOG, shows: "the pid" },
  { name: "ERRNO", action: SECCOMP_RET_ERRNO | ERRNO.EXDEV, shows: -ERRNO.EXDEV },
  { name: "TRACE", action: SECCOMP_RET_TRACE, shows: -ERRNO.ENOSYS }, // for want of a tracer
  { name: "TRAP", action: SECCOMP_RET_TRAP, shows: "SIGSYS" },
  { name: "KILL_THREAD", action: SECCOMP_RET_KILL_THREAD, shows: "SIGSYS" },
  { name: "KILL_PROCESS", action: SECCOMP_RET_KILL_PROCESS, shows: "SIGSYS" },
] as const;

/** Where a profile may name an action; KILL is another name of KILL_THREAD. */
function placesOfAction(name: string): readonly string[] {
  const action = name === "KILL_THREAD" ? "SCMP_ACT_KILL_THREAD|SCMP_ACT_KILL" : `SCMP_ACT_${name}`;
  return [`linux.seccomp.defaultAction=${action}`, `linux.seccomp.syscalls[action=${action}]`];
}

function actionFeature({ name, action, shows }: (typeof ACTIONS)[number]): Feature {
  return {
    name: `seccomp.action.${name}`,
    title: `seccomp action ${name}`,
    config: placesOfAction(name),
    probe({ subject }) {
      load(subject, action);
      if (shows === "SIGSYS") {
        const signal = subject.end(getppid());
        if (signal !== SIGSYS)
          throw new Missing(`seccomp: the process was ended by ${signal}, not by SIGSYS`);
        return;
      }
      const result = subject.attempt(getppid());
      if (shows === "the pid" ? result !== process.pid : result !== shows)
        throw new Missing(`seccomp: the filtered call returned ${result}`);
    },
  };
}

/** Answers the notification of a call in this process's stead. */
function notify(subject: Subject, flags = 0): void {
  const number = load(subject, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER | flags);
  const listener = fetchDescriptor(subject.pid, number);
  try {
    const call = subject.post(getppid());
    const poll = new PollSet(1);
    poll.watch(0, listener, POLLIN);
    if (!poll.wait(PATIENCE_MS)) throw new Missing("seccomp: the listener is told nothing");
    const notification = new Uint8Array(new ArrayBuffer(SECCOMP_NOTIF_SIZE));
    here(receiveNotification(listener, notification));
    here(answerNotification(listener, notification, ANSWER));
    if (subject.result(call) !== ANSWER) throw new Missing("seccomp: the listener's answer is lost");
  } finally {
    here(close(listener));
  }
}

const FLAGS = [
  ["TSYNC", SECCOMP_FILTER_FLAG_TSYNC],
  ["LOG", SECCOMP_FILTER_FLAG_LOG],
  ["SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW],
] as const;

function flagFeature(name: string, probe: Feature["probe"]): Feature {
  return {
    name: `seccomp.flag.${name}`,
    title: `seccomp flag ${name}`,
    config: [`linux.seccomp.flags[=SECCOMP_FILTER_FLAG_${name}]`],
    probe,
  };
}

export const seccomp: Area = {
  name: "seccomp",
  features: [
    {
      name: "seccomp.libseccomp",
      title: "libseccomp, which compiles profiles",
      config: ["linux.seccomp"],
      probe() {
        const { path } = findLibrary();
        compile({ defaultAction: "SCMP_ACT_ALLOW" }, path);
        return path;
      },
    },
    ...ACTIONS.map(actionFeature),
    {
      name: "seccomp.action.NOTIFY",
      title: "seccomp action NOTIFY",
      config: placesOfAction("NOTIFY"),
      probe: ({ subject }) => notify(subject),
    },
    ...FLAGS.map(([name, flag]) =>
      flagFeature(name, ({ subject }) => load(subject, SECCOMP_RET_ALLOW, flag)),
    ),
    flagFeature("WAIT_KILLABLE_RECV", ({ subject }) =>
      notify(subject, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV),
    ),
  ],
};
