/**
 * A container that another runtime has made, as a process joins it: known by the pid of a process in it, and by nothing
 * else. What confines that process is read from /proc/PID, so that the new one is confined in the same way; its seccomp
 * filter is copied out of the kernel (copied-filter.ts).
 *
 * Loaded only for `exec --pid`.
 */
import type { Capabilities, Process, User } from "../../../runtime-spec/config.ts";
import { narrowed } from "../../../runtime-spec/int64.ts";
import { OCI_VERSION } from "../../../runtime-spec/state.ts";
import type { Caller } from "../../agent/caller.ts";
import { CWD, rlimitOf } from "../../kernel/calls.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { isErrno, readLink, readText, readTextIfThere } from "../../kernel/files.ts";
import { here } from "../../kernel/here.ts";
import { RLIMITS } from "../../kernel/rlimits.ts";
import { hardLimit, RLIMIT_SIZE, softLimit } from "../../kernel/structs.ts";
import { UserError } from "../../kernel/user-error.ts";
import { findUnifiedMount } from "../../linux/cgroups/hierarchy.ts";
import type { SeccompFilter } from "../../linux/seccomp/filter.ts";
import type { Target } from "../exec.ts";
import { isAlive, processInfo, statusField } from "../state/process-info.ts";
import type { SavedCgroup } from "../state/saved.ts";
import { CAPABILITY_SETS, capabilitiesIn } from "../verify/capability-sets.ts";
import { IdMap } from "../verify/id-map.ts";

/** The container, and a process as the one that is there, without arguments. */
interface Foreign {
  readonly target: Target;
  readonly process: Process;
}

/** Looks at the container of a process; `noFilter` leaves out its seccomp filter. @throws UserError */
export async function foreignContainer(caller: Caller, pid: number, noFilter: boolean): Promise<Foreign> {
  const id = `of process ${pid}`;
  const startTime = processInfo(pid)?.startTime;
  if (startTime === undefined) throw new UserError(`exec: --pid ${pid}`, "there is no such process");
  try {
    refuseOwn(caller, pid);
    const status = readText(`/proc/${pid}/status`);
    const uids = new IdMap(readText(`/proc/${pid}/uid_map`));
    const gids = new IdMap(readText(`/proc/${pid}/gid_map`));
    const process = processLike(pid, status, uids, gids);
    const filter = noFilter ? null : await filterOf(pid, status);
    if (!isAlive(pid, startTime)) throw new UserError(`exec: --pid ${pid}`, "the process has just ended");
    const init = { pid, startTime, first: 0, end: 0, executable: "", ownsPidNamespace: false };
    return {
      target: {
        ...{ caller, id, linux: { uidMappings: uids.ranges, gidMappings: gids.ranges }, filter },
        saved: { init, cgroup: cgroupOf(caller, pid), keyring: null },
        state: { ociVersion: OCI_VERSION, id, pid, status: "running", bundle: "/" },
      },
      process,
    };
  } catch (error) {
    if (!isErrno(error, ERRNO.EACCES, ERRNO.EPERM)) throw error;
    throw new UserError(
      `exec: --pid ${pid}`,
      `${errnoWords(error.errno)}: entering it needs the right to trace it (ptrace(2)): run tsrun as root`,
    );
  }
}

/** A process of the host's own has nothing to join: a mistyped pid, most likely. */
function refuseOwn(caller: Caller, pid: number): void {
  const own = ["mnt", "pid", "user", "net"].every(
    (file) => caller.namespace(file) === readLink(`/proc/${pid}/ns/${file}`),
  );
  if (own)
    throw new UserError(
      `exec: --pid ${pid}`,
      "is not a process of a container: it is in the host's namespaces",
    );
}

async function filterOf(pid: number, status: string): Promise<SeccompFilter | null> {
  if (statusField(status, "Seccomp") !== "2") return null;
  return (await import("./copied-filter.ts")).copiedFilter(
    pid,
    Number(statusField(status, "Seccomp_filters")),
  );
}

/** The confinement of a process, as config.json would have it. */
function processLike(pid: number, status: string, uids: IdMap, gids: IdMap): Process {
  const label = labelOf(pid);
  return {
    terminal: false,
    cwd: "/",
    args: [],
    env: environmentOf(pid),
    user: userIn(status, uids, gids),
    capabilities: capabilitiesOf(status),
    noNewPrivileges: statusField(status, "NoNewPrivs") === "1",
    rlimits: rlimitsOf(pid),
    oomScoreAdj: Number(readText(`/proc/${pid}/oom_score_adj`)),
    ...label,
  };
}

function capabilitiesOf(status: string): Capabilities {
  const sets = Object.entries(CAPABILITY_SETS);
  return Object.fromEntries(
    sets.map(([set, field]) => [set, [...capabilitiesIn(statusField(status, field))]]),
  );
}

/** The ids in the process's own user namespace: /proc shows them as tsrun's has them. */
function userIn(status: string, uids: IdMap, gids: IdMap): User {
  const second = (field: string) => Number(statusField(status, field).split(/\s+/)[1]); // the effective one
  const groups = statusField(status, "Groups").split(/\s+/).filter(Boolean).map(Number);
  return {
    uid: uids.idInside(second("Uid")) ?? 0,
    gid: gids.idInside(second("Gid")) ?? 0,
    additionalGids: groups.map((gid) => gids.idInside(gid)).filter((gid) => gid !== null),
    umask: Number.parseInt(statusField(status, "Umask") || "022", 8),
  };
}

function rlimitsOf(pid: number): Rlimits {
  const rlimits = Object.entries(RLIMITS).map(([type, resource]) => {
    const limits = new Uint8Array(RLIMIT_SIZE);
    here(rlimitOf(pid, resource, limits));
    return { type, soft: narrowed(softLimit(limits)), hard: narrowed(hardLimit(limits)) };
  });
  return rlimits as unknown as Rlimits; // RLIMITS has the names of the spec
}

type Rlimits = NonNullable<Process["rlimits"]>;

/** More than execve(2) gives any program. But a process can give itself terabytes (PR_SET_MM_MAP, prctl(2)). */
const MOST_VARIABLES = 8 * 2 ** 20;

/** The variables that its program was started with. */
function environmentOf(pid: number): readonly string[] {
  try {
    return readText(`/proc/${pid}/environ`, CWD, MOST_VARIABLES)
      .split("\0")
      .filter((entry) => entry.indexOf("=") > 0);
  } catch (error) {
    if (!isErrno(error, ERRNO.EFBIG)) throw error;
    throw new UserError(
      `exec: --pid ${pid}`,
      "its environment is longer than any that a program can be given: the process has changed it",
    );
  }
}

/** An AppArmor profile, or an SELinux label: proc_pid_attr(5). */
function labelOf(pid: number): Pick<Process, "apparmorProfile" | "selinuxLabel"> {
  const profile = labelIn(`/proc/${pid}/attr/apparmor/current`)?.replace(/ \(\w+\)$/, "");
  if (profile) return profile === "unconfined" ? {} : { apparmorProfile: profile };
  const isSelinux = readTextIfThere("/sys/fs/selinux/enforce") !== null;
  const label = isSelinux ? labelIn(`/proc/${pid}/attr/current`) : undefined;
  return label ? { selinuxLabel: label } : {};
}

/** Undefined where no security module answers. */
function labelIn(path: string): string | undefined {
  try {
    return readTextIfThere(path)?.replace(/[\0\n]+$/, "");
  } catch (error) {
    if (isErrno(error, ERRNO.EINVAL)) return undefined;
    throw error;
  }
}

/** Null where cgroup v2 is not mounted, or if it is the caller's own, in which its children are anyway. */
function cgroupOf(caller: Caller, pid: number): SavedCgroup | null {
  const mount = findUnifiedMount();
  const path = cgroupIn(`/proc/${pid}`);
  if (mount === undefined || path === undefined || path === cgroupIn(caller.proc)) return null;
  return { mount, path: mount + path };
}

/** The path in the unified hierarchy, by a process's directory in proc (cgroups(7)). */
const cgroupIn = (proc: string): string | undefined =>
  readText(`${proc}/cgroup`)
    .split("\n")
    .find((entry) => entry.startsWith("0::/"))
    ?.slice("0::".length);
