import type { NamespaceType } from "../../../runtime-spec/config-linux.ts";
import type { Program } from "../../agent/program.ts";
import type { Fd, StepResult } from "../../kernel/call.ts";
import { CWD, close, fcntl, mountSetattr, moveMount, openat2, openTree } from "../../kernel/calls.ts";
import {
  AT_EMPTY_PATH,
  AT_RECURSIVE,
  AT_SYMLINK_NOFOLLOW,
  F_GETFD,
  MOUNT_ATTR_IDMAP,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  OPEN_TREE_CLONE,
  RESOLVE_NO_MAGICLINKS,
  S_IFDIR,
  S_IFMT,
} from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { status, statusIfThere } from "../../kernel/files.ts";
import { fail } from "../../kernel/user-error.ts";
import { statusAt } from "../named-path.ts";
import type { NamespacePlan } from "../namespaces.ts";
import { isOwnedBy } from "../namespaces.ts";
import { copyLink, linkToCopy } from "./copied-link.ts";
import { isPlain, plainDirectory } from "./filesystems.ts";
import { changeMount, type MountJob, type OpenOnHost, openPlace } from "./mount-job.ts";
import { asksFor, notForBind } from "./mount-options.ts";
import { mountOf } from "./mount-table.ts";
import { requireProcfs } from "./proc-places.ts";
import { isBelow, mayAppear, placeBefore, sourcePath } from "./source.ts";

/** The source of a bind mount: a path on the host, and whether it is a directory. */
interface HostSource {
  readonly path: string;
  /** Null where that is told only when its turn comes. */
  readonly isDirectory: boolean | null;
}

/**
 * Binds `source`, a path on the host or relative to the bundle. Returns null if the source is a symbolic link that is
 * copied instead. @throws UserError
 */
export function bindHost(job: MountJob): Fd | null {
  const [unfit] = notForBind(job.options);
  if (unfit !== undefined)
    fail(
      `${job.where}.options`,
      `${JSON.stringify(unfit)} is not an option of a bind mount: tsrun does not know it, and there is no new file system that might`,
    );
  const source = hostSource(job);
  if (typeof source !== "string") return bindMount(job, source);
  copyLink(job, source);
  return null;
}

/** The source, or the target of the symbolic link if the link is to be copied. */
function hostSource(job: MountJob): HostSource | string {
  const { where, mount, index, options, path: destination, context } = job;
  const { source = "" } = mount;
  if (source === "") return fail(`${where}.source`, "a bind mount needs a source");
  const path = sourcePath(mount, context);
  const now = placeBefore(path, index, context);
  if (destination === "proc") requireProcfs(where, now ?? path);
  if (now === null) return { path, isDirectory: null };
  const keepsLink = asksFor(options, "copy-symlink") || asksFor(options, "src-nofollow");
  const status = statusAt(`${where}.source`, now, keepsLink ? AT_SYMLINK_NOFOLLOW : 0);
  if (status === null && mayAppear(now, context)) return { path, isDirectory: null };
  if (status === null) return fail(`${where}.source`, `${now} does not exist`);
  const link = linkToCopy(job, now, status);
  if (link !== null) return link;
  return { path, isDirectory: (status.mode & S_IFMT) === S_IFDIR };
}

/** What proc shows whoever opens it of himself: of the init, not of a host agent that is gone by the time it is read. */
const OF_ITS_READER = /^\/proc\/(self|thread-self|net|mounts)(\/|$)/;

type AddSteps = Parameters<OpenOnHost>[0];

/** Binds a file or directory of the host; a symlink is followed. Returns the mount. */
export function bindMount(job: MountJob, { path, isDirectory }: HostSource): Fd {
  const { program, options, mount, context } = job;
  const source = { path, mayBeHostile: isDirectory === null || isBelow(path, context) };
  const { openOnHost, openAsInit = (add: AddSteps) => add(program) } = context;
  const open = OF_ITS_READER.test(path) ? openAsInit : openOnHost;
  const tree = open((who) => openSource(who, job, source));
  const move = (place: StepResult) => {
    changeMount(program, tree, options);
    program.add(moveMount(tree, place));
    program.add(close(place));
  };
  if (isPlain(mount.type)) move(plainDirectory(job));
  else if (isDirectory === null) moveToItsLike(job, tree, move);
  else move(openPlace(job, isDirectory));
  return tree;
}

/** Moves a mount to a directory or a file, whichever it shows. */
function moveToItsLike(job: MountJob, tree: Fd, move: (place: StepResult) => void): void {
  const { program, context } = job;
  const asDirectory = openat2(tree, ".", O_PATH | O_DIRECTORY, 0);
  const directory = context.openOnHost((host) => host.add(asDirectory, [ERRNO.ENOTDIR]));
  const isOpen = fcntl(directory, F_GETFD, 0);
  program.orElse(isOpen, [ERRNO.EBADF], () => move(openPlace(job, false)));
  program.whenOk(isOpen, [ERRNO.EBADF], () => {
    program.add(close(directory));
    move(openPlace(job, true));
  });
}

/** Adds the steps that open a copy of the source as a mount, id-mapped if asked for. */
function openSource(
  program: Program,
  { where, options, prepared }: MountJob,
  { path, mayBeHostile }: { readonly path: string; readonly mayBeHostile: boolean },
) {
  const noFollow = asksFor(options, "src-nofollow") ? AT_SYMLINK_NOFOLLOW : 0;
  const flags = OPEN_TREE_CLONE | noFollow | (options.bind === "bind" ? 0 : AT_RECURSIVE);
  const tree = mayBeHostile ? openBelow(program, path, flags) : program.add(openTree(CWD, path, flags));
  const { userns } = prepared;
  if (userns === undefined) return tree;
  const type = mountOf(path)?.type ?? "an unknown file system";
  const owner = program.wantedBy;
  program.by(
    `config.json: ${where}: cannot id-map ${path} (on ${type}; not every file system can be id-mapped, nor what is already, or belongs to another user namespace)`,
  );
  const below = options.idmap === "ridmap" ? AT_RECURSIVE : 0;
  program.add(mountSetattr(tree, "", AT_EMPTY_PATH | below, { set: MOUNT_ATTR_IDMAP, userns }), [], {
    EPERM: "", // the message above already says what it can be
  });
  program.by(owner);
  return tree;
}

const NOWHERE = { ENOENT: "the source does not exist, and no mount before this one brings it" };

/** Another container may control the source: a magic link there would be followed with tsrun's privileges. */
function openBelow(program: Program, path: string, flags: number): StepResult {
  const noFollow = (flags & AT_SYMLINK_NOFOLLOW) === 0 ? 0 : O_NOFOLLOW;
  const source = program.add(openat2(CWD, path, O_PATH | noFollow, RESOLVE_NO_MAGICLINKS), [], NOWHERE);
  const tree = program.add(openTree(source, "", flags | AT_EMPTY_PATH));
  program.add(close(source));
  return tree;
}

/** File systems that show a namespace: a user namespace may mount them only if it owns that namespace. */
const OF_NAMESPACES: {
  readonly [type: string]: { readonly namespace: NamespaceType; readonly path: string } | undefined;
} = {
  proc: { namespace: "pid", path: "/proc" },
  sysfs: { namespace: "network", path: "/sys" },
  mqueue: { namespace: "ipc", path: "/dev/mqueue" },
};

/**
 * The host's mount point of the file system if the container may not mount it itself; null if it may.
 * @throws UserError when the host does not have it there
 */
export function hostsOwn({ where, context, mount: { type = "" } }: MountJob): string | null {
  const { inUserNamespace, namespaces } = context;
  const { namespace, path } = OF_NAMESPACES[type] ?? {};
  if (!inUserNamespace || namespace === undefined || path === undefined) return null;
  if (namespaces.created.has(namespace) || belongsToContainer(namespaces, namespace)) return null;
  if (statusIfThere(path) === null)
    fail(
      `${where}.type`,
      `${type} in a user namespace needs a new ${namespace} namespace, or the host's ${path}`,
    );
  return path;
}

/**
 * Whether the container joins that namespace, and runs in the user namespace that owns it: one that it also joins, or
 * tsrun's own, as in a pod of rootless podman.
 */
function belongsToContainer({ created, joins }: NamespacePlan, namespace: NamespaceType): boolean {
  const joined = joins.find(({ type }) => type === namespace);
  if (joined === undefined || created.has("user")) return false;
  const user = joins.find(({ type }) => type === "user");
  const { inode } = user === undefined ? status("/proc/self/ns/user") : status("", AT_EMPTY_PATH, user.fd);
  return isOwnedBy(joined.fd, inode);
}

/** Binds the host's file system instead of mounting a new one: sysfs read-only, with all mounts below it. */
export function bindHostsOwn(job: MountJob, path: string): Fd {
  const { options, mount } = job;
  const guarded = mount.type === "sysfs" ? MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC : 0;
  const recursiveSet = options.recursiveSet | (mount.type === "sysfs" ? MOUNT_ATTR_RDONLY : 0);
  const changed = { ...options, bind: "rbind", set: options.set | guarded, recursiveSet, data: [] } as const;
  return bindMount({ ...job, options: changed }, { path, isDirectory: true });
}
