import type { Config } from "../../runtime-spec/config.ts";
import { type NamespaceType, namespaceIndex, type TimeOffsets } from "../../runtime-spec/config-linux.ts";
import { sysctlNamespace } from "../../runtime-spec/rules-sysctl.ts";
import type { Caller } from "../agent/caller.ts";
import { SyscallError } from "../kernel/call.ts";
import { CWD, close, fstatfs, ioctl, openat } from "../kernel/calls.ts";
import {
  AT_EMPTY_PATH,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLONE_NEWTIME,
  CLONE_NEWUSER,
  CLONE_NEWUTS,
  NS_GET_NSTYPE,
  NS_GET_USERNS,
  NSFS_MAGIC,
  O_NONBLOCK,
  O_RDONLY,
} from "../kernel/constants.ts";
import { ERRNO, errnoWords } from "../kernel/errno.ts";
import { isErrno, readLink, status } from "../kernel/files.ts";
import { attempt, here } from "../kernel/here.ts";
import { Opened } from "../kernel/opened.ts";
import { STATFS_SIZE, statfsType } from "../kernel/structs.ts";
import { fail, UserError } from "../kernel/user-error.ts";
import { statusAt } from "./named-path.ts";

/**
 * The namespace types (namespaces(7)), in the order in which they are joined: the user namespace last, since the host's
 * root then loses its privileges over the others.
 */
export const NAMESPACES = [
  { type: "network", flag: CLONE_NEWNET, file: "net" },
  { type: "ipc", flag: CLONE_NEWIPC, file: "ipc" },
  { type: "uts", flag: CLONE_NEWUTS, file: "uts" },
  { type: "cgroup", flag: CLONE_NEWCGROUP, file: "cgroup" },
  { type: "time", flag: CLONE_NEWTIME, file: "time" },
  { type: "pid", flag: CLONE_NEWPID, file: "pid" },
  { type: "mount", flag: CLONE_NEWNS, file: "mnt" },
  { type: "user", flag: CLONE_NEWUSER, file: "user" },
] as const satisfies readonly { type: NamespaceType; flag: number; file: string }[];

/** A namespace to join: a descriptor of it, and where the config asks for it. */
export interface Join {
  readonly type: NamespaceType;
  /** Its clone flag; for a pidfd, the sum of the flags of all namespaces to join. */
  readonly flag: number;
  readonly fd: number;
  readonly where: string;
}

/** Which namespaces a container gets: new ones and joined ones; otherwise it stays in the caller's. */
export interface NamespacePlan {
  readonly created: ReadonlySet<NamespaceType>;
  readonly joins: readonly Join[];
  /** The clocks of a new time namespace, as proc_pid_timens_offsets(5) takes them. */
  readonly timeOffsets?: string;
}

/** Opens and checks the namespaces to join. @throws UserError */
export function openNamespaces(caller: Pick<Caller, "proc" | "uid">, config: Config): NamespacePlan {
  using opened = new Opened();
  const created = new Set<NamespaceType>();
  const joins: Join[] = [];
  const wanted = config.linux?.namespaces ?? [];
  for (const { type, flag, file } of NAMESPACES) {
    const index = namespaceIndex(wanted, type);
    const path = wanted[index]?.path;
    if (index < 0) continue;
    if (path === undefined || path === "") created.add(type);
    else {
      const where = `linux.namespaces[${index}].path`;
      refuseChangesOfOwn(caller, config, type, file, path);
      if (type === "user" && isOwn(caller, "user", path)) continue;
      const fd = openNamespace(where, path, type, flag);
      opened.defer(() => here(close(fd)));
      joins.push({ type, flag, fd, where: `config.json: ${where}` });
    }
  }
  // An ordinary user may join the others only from within the user namespace that owns them.
  if (caller.uid !== 0) joins.sort((a, b) => Number(b.type === "user") - Number(a.type === "user"));
  const offsets = config.linux?.timeOffsets;
  opened.move();
  return { created, joins, ...(offsets === undefined ? {} : { timeOffsets: timeOffsets(offsets) }) };
}

/** Errors in the paths of namespaces to join; paths that do not exist yet are left out. */
export function wrongNamespaces({ linux }: Config): readonly UserError[] {
  return (linux?.namespaces ?? []).flatMap(({ type, path }, index) => {
    const where = `linux.namespaces[${index}].path`;
    try {
      if (path === undefined || statusAt(where, path) === null) return [];
      here(close(openNamespace(where, path, type, cloneFlags([type]))));
      return [];
    } catch (error) {
      if (error instanceof UserError) return [error];
      throw error;
    }
  });
}

/** A line for each namespace to join that isn't there: its pod may not run yet, or no more. */
export function missingNamespaces({ linux }: Config): readonly string[] {
  return (linux?.namespaces ?? []).flatMap(({ type, path }, index) => {
    const where = `linux.namespaces[${index}].path`;
    if (path === undefined || path === "" || statusAt(where, path) !== null) return [];
    return `config.json: ${where}: the ${type} namespace ${path} does not exist${WHY_NOT_OPENED[ERRNO.ENOENT] ?? ""}`;
  });
}

/**
 * Refuses a path to tsrun's own namespace if the config changes something in it, such as the host name: that would
 * change the host, as if the container had no such namespace. @throws UserError
 */
function refuseChangesOfOwn(
  caller: Pick<Caller, "proc">,
  config: Config,
  type: NamespaceType,
  file: string,
  path: string,
): void {
  const [change] = changesOf(config, type);
  if (change === undefined || !isOwn(caller, file, path)) return;
  fail(change, `would change the host: ${path} is the host's own ${type} namespace`);
}

/** The properties, by path, that change the container's namespace of that type. */
function changesOf({ linux = {}, ...config }: Config, type: NamespaceType): readonly string[] {
  const sysctls = Object.keys(linux.sysctl ?? {}).filter((name) => sysctlNamespace(name) === type);
  const names = type === "uts" ? (["hostname", "domainname"] as const).filter((name) => config[name]) : [];
  const devices = type === "network" ? Object.keys(linux.netDevices ?? {}) : [];
  return [
    ...sysctls.map((name) => `linux.sysctl["${name}"]`),
    ...devices.map((name) => `linux.netDevices["${name}"]`),
    ...names,
  ];
}

function timeOffsets(offsets: TimeOffsets): string {
  const lines = (["monotonic", "boottime"] as const).flatMap((clock) => {
    const { secs = 0, nanosecs = 0 } = offsets[clock] ?? {};
    return secs === 0 && nanosecs === 0 ? [] : [`${clock} ${secs} ${nanosecs}\n`];
  });
  return lines.join("");
}

/** Closes this process's descriptors of the joined namespaces. */
export function closeNamespaces(plan: NamespacePlan): void {
  for (const { fd } of plan.joins) here(close(fd));
}

/** Whether a namespace belongs to the user namespace that has this inode (ioctl_ns(2)). */
export function isOwnedBy(namespace: number, user: number): boolean {
  const owner = attempt(ioctl(namespace, NS_GET_USERNS));
  if (owner < 0) return false; // the owner is a user namespace that this process may not see
  const same = status("", AT_EMPTY_PATH, owner).inode === user;
  here(close(owner));
  return same;
}

/**
 * The name of an init's user namespace, from its link in /proc. It is unique while a process is in that namespace.
 * Undefined for a new one if tsrun lacks CAP_SYS_PTRACE, which is needed to read an agent's links.
 */
export function userNamespaceOf(
  caller: Pick<Caller, "namespace">,
  pid: number,
  { created, joins }: NamespacePlan,
): string | undefined {
  const joined = joins.find(({ type }) => type === "user");
  if (joined !== undefined) return nameOf(joined.fd);
  if (!created.has("user")) return caller.namespace("user");
  try {
    return readLink(`/proc/${pid}/ns/user`);
  } catch (error) {
    if (isErrno(error, ERRNO.EACCES)) return undefined;
    throw error;
  }
}

const nameOf = (user: number) => `user:[${status("", AT_EMPTY_PATH, user).inode}]`;

/**
 * Opens the user namespace `name` of a container; null for the caller's own. The init may since have moved into a new
 * one below it. Without a name, the init's is opened. @throws SyscallError
 */
export function openUserNamespace(
  caller: Pick<Caller, "namespace">,
  pid: number,
  name: string | undefined,
): number | null {
  const current = readLink(`/proc/${pid}/ns/user`);
  const wanted = name ?? current;
  if (wanted === caller.namespace("user")) return null;
  let fd = here(openat(CWD, `/proc/${pid}/ns/user`, O_RDONLY));
  while (nameOf(fd) !== wanted) {
    const parent = here(ioctl(fd, NS_GET_USERNS));
    here(close(fd));
    fd = parent;
  }
  return fd;
}

/** Sum of the clone flags of these kinds. They do not fit 32-bit operators. */
export function cloneFlags(types: Iterable<NamespaceType>): number {
  let flags = 0;
  for (const type of types) flags += NAMESPACES.find((kind) => kind.type === type)?.flag ?? 0;
  return flags;
}

const WHY_NOT_OPENED: { readonly [errno: number]: string } = {
  [ERRNO.EACCES]: "; who may trace the process that lives there may open it (ptrace(2))",
  [ERRNO.ENOENT]: "; does the process or sandbox that holds it still run?",
  [ERRNO.ESRCH]: "; does the process or sandbox that holds it still run?",
};

function openNamespace(where: string, path: string, type: NamespaceType, flag: number): number {
  // O_NONBLOCK: a FIFO at this path must not block us.
  const fd = attempt(openat(CWD, path, O_RDONLY | O_NONBLOCK));
  if (fd < 0)
    fail(where, `cannot open the ${type} namespace ${path}: ${errnoWords(-fd)}${WHY_NOT_OPENED[-fd] ?? ""}`);
  const buffer = new Uint8Array(STATFS_SIZE);
  here(fstatfs(fd, buffer));
  const kind = statfsType(buffer) === NSFS_MAGIC ? attempt(ioctl(fd, NS_GET_NSTYPE)) : null;
  if (kind === flag) return fd;
  here(close(fd));
  if (kind === null) return fail(where, `${path} is not a namespace`);
  const found = NAMESPACES.find((namespace) => namespace.flag === kind)?.type ?? "unknown";
  return fail(where, `${path} is not a ${type} namespace: it is a ${found} namespace`);
}

/** Whether the path is the caller's own namespace: the kernel refuses to join one's own user namespace. */
function isOwn({ proc }: Pick<Caller, "proc">, file: string, path: string): boolean {
  try {
    const [own, other] = [status(`${proc}/ns/${file}`), status(path)];
    return (
      own.inode === other.inode && own.device[1] === other.device[1] && own.device[0] === other.device[0]
    );
  } catch (error) {
    if (error instanceof SyscallError) return false; // openNamespace reports the error
    throw error;
  }
}
