/**
 * What config.json says about a process of the container, one row for each aspect. The init, `exec` and startContainer
 * hooks all walk these rows, so what is added here holds for all three.
 *
 *     enter       steps of the process itself, which still has descriptors of the host
 *     outside     set by tsrun, as it takes tsrun's privileges; before the process has its user, as tsrun without
 *                 CAP_SYS_RESOURCE could not set it afterwards
 *     becomeUser  steps that drop its privileges, once it has no descriptor of the host: from here on it can do no more
 *                 than the container
 *     last        set by tsrun right before execve(2), or a SCHED_IDLE container would hold up its own making
 *
 * The order of the rows is forced: only the root of a user namespace may do what follows, a keyring must have the
 * process's label, and groups, capabilities and ids end each other's privileges (credentials.ts).
 */
import type { ExecCpuAffinity, Process, User } from "../../../runtime-spec/config.ts";
import type { Linux } from "../../../runtime-spec/config-linux.ts";
import type { Caller } from "../../agent/caller.ts";
import { dieWithTsrun } from "../../agent/life.ts";
import type { Program } from "../../agent/program.ts";
import { personality, prctl, setresgid, setresuid } from "../../kernel/calls.ts";
import { PER_LINUX, PER_LINUX32, PR_SET_DUMPABLE } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import type { Landlock } from "../../linux/landlock/confinement.ts";
import { resetAffinity } from "../../linux/process/affinity.ts";
import { keepsGroups, setGroups, takeIdentity, type Unprivileged } from "../../linux/process/credentials.ts";
import { joinKeyring } from "../../linux/process/keyring.ts";
import type { ProcessLabels } from "../../linux/process/labels.ts";
import { setMemoryPolicy } from "../../linux/process/memory-policy.ts";
import { setOomScore } from "../../linux/process/oom-score.ts";
import { setRlimits } from "../../linux/process/rlimits.ts";
import { untilFiltered } from "../../linux/seccomp/load.ts";
import type { Saved } from "../state/saved.ts";

/** A process of the container, and what is needed to make it. */
export interface Subject {
  readonly caller: Caller;
  readonly process: Process;
  readonly linux: Linux | undefined;
  /** Whether it lives in a user namespace of the container's. */
  readonly hasUserNamespace: boolean;
  readonly unprivileged: Unprivileged | null;
  /** Whether it keeps the additional groups of tsrun's caller. */
  readonly keepGroups: boolean;
  /** Adds the step that makes or joins the container's session keyring; null leaves it the caller's. */
  readonly keyring: ((program: Program) => void) | null;
  readonly labels: ProcessLabels | null;
  /** What confines it; null for most. */
  readonly landlock: Landlock | null;
  /** Whether it will load a seccomp filter. */
  readonly filtered: boolean;
  /** Is told what an ordinary user may not set; null makes it an error. */
  readonly warn: ((line: string) => void) | null;
  /** The CPUs of an `exec`ed process. */
  readonly execCPUAffinity?: ExecCpuAffinity | undefined;
  /** The module, loaded for those that ask for it. */
  readonly scheduling: typeof import("../../linux/process/scheduling.ts") | null;
}

/** A process that joins a container: an `exec`ed one, or a startContainer hook. */
export function guestOf(
  saved: Pick<Saved, "annotations" | "keyring">,
  own: Omit<Subject, "keepGroups" | "keyring">,
): Subject {
  const { keyring } = saved;
  return {
    ...own,
    keepGroups: keepsGroups(saved),
    // An older tsrun has saved none.
    keyring: keyring ? (program) => joinKeyring(program, keyring) : null,
  };
}

interface Aspect {
  /** The properties of config.json that it is about. */
  readonly of: readonly string[];
  readonly enter?: (program: Program, subject: Subject) => void;
  readonly outside?: (pid: number, subject: Subject) => void;
  readonly becomeUser?: (program: Program, subject: Subject) => void;
  readonly last?: (pid: number, subject: Subject) => void;
}

/** @throws UserError where the host refuses what is set from outside */
export const ASPECTS: readonly Aspect[] = [
  {
    of: ["linux.uidMappings", "linux.gidMappings"],
    enter: (program, { process, hasUserNamespace, unprivileged, keepGroups }) => {
      if (hasUserNamespace) becomeRoot(program, unprivileged, keepGroups, process.user);
    },
  },
  {
    of: ["process.selinuxLabel", "process.apparmorProfile"],
    enter: (program, { labels, keyring }) => {
      if (labels === null) keyring?.(program);
      else labels.label(program, () => keyring?.(program));
    },
  },
  {
    of: ["linux.personality"],
    enter: (program, { linux: { personality: wanted } = {} }) => {
      if (wanted !== undefined)
        program.by("config.json: linux.personality").add(personality(PERSONALITIES[wanted.domain]));
    },
  },
  { of: ["linux.memoryPolicy"], enter: (program, { linux }) => setMemoryPolicy(program, linux) },
  { of: ["process.rlimits"], outside: (pid, { process, caller }) => setRlimits(pid, process, caller) },
  {
    of: ["process.oomScoreAdj"],
    outside: (pid, { process, warn }) => setOomScore(pid, process.oomScoreAdj, warn),
  },
  {
    of: ["process.cwd", "process.user", "process.capabilities", "process.noNewPrivileges"],
    becomeUser: (program, { process, filtered, unprivileged, keepGroups, landlock }) => {
      const confine = landlock?.make(program);
      takeIdentity(program, filtered ? untilFiltered(process) : process, unprivileged, keepGroups);
      confine?.();
      dieWithTsrun(program.by("container's init")); // a change of ids makes the kernel forget it
    },
  },
  {
    of: ["process.execCPUAffinity"],
    outside: resetAffinity,
    last: (pid, { execCPUAffinity, scheduling }) => scheduling?.setFinalAffinity(pid, execCPUAffinity ?? {}),
  },
  {
    of: ["process.scheduler", "process.ioPriority"],
    last: (pid, { process, scheduling }) => scheduling?.setScheduling(pid, process),
  },
];

/** Adds the steps of one moment. */
export function addAspects(program: Program, moment: "enter" | "becomeUser", subject: Subject): void {
  for (const aspect of ASPECTS) aspect[moment]?.(program, subject);
}

/** Sets what one moment sets. @throws UserError */
export function setAspects(pid: number, moment: "outside" | "last", subject: Subject): void {
  for (const aspect of ASPECTS) aspect[moment]?.(pid, subject);
}

const PERSONALITIES = { LINUX: PER_LINUX, LINUX32: PER_LINUX32 } as const;

/**
 * Root of the user namespace, or `user` where it maps no root: before this the agent has all capabilities in there, and
 * keeps them, but its ids mean nothing.
 */
export function becomeRoot(
  program: Program,
  unprivileged: Unprivileged | null,
  keepGroups: boolean,
  { uid = 0, gid = 0 }: User = {},
): void {
  program.by("config.json: linux.uidMappings (root of the user namespace, or process.user)");
  program.orElse(setresgid(0), [ERRNO.EINVAL], () => program.add(setresgid(gid)));
  if (!keepGroups) setGroups(program, [], unprivileged);
  program.orElse(setresuid(0), [ERRNO.EINVAL], () => program.add(setresuid(uid)));
  program.add(prctl(PR_SET_DUMPABLE, unprivileged?.dumpable ? 1 : 0));
  dieWithTsrun(program);
}

/** Loads what only processes with a schedule of their own need. */
export async function schedulingOf({ scheduler, ioPriority, execCPUAffinity }: Process) {
  const asked = scheduler !== undefined || ioPriority !== undefined || execCPUAffinity !== undefined;
  return asked ? await import("../../linux/process/scheduling.ts") : null;
}
