/**
 * `exec --tools DIR`: a process in a container has a directory of the host's at /.tools, for images without a shell.
 *
 * It gets a mount namespace of its own, a copy of the container's, and only there the directory is attached: read-only,
 * and without set-user-ID programs and devices. The container and its other processes see nothing of it, and it is gone
 * with the process. The image may have no /.tools, and its root may be read-only: then the place is made on a tmpfs, see
 * covered-directory.ts.
 *
 * Loaded only for `exec --tools`.
 */
import type { StepResult } from "../../kernel/call.ts";
import {
  CWD,
  chroot,
  fchdir,
  mount,
  mountSetattr,
  moveMount,
  openat,
  openat2,
  openTree,
  unshare,
} from "../../kernel/calls.ts";
import {
  AT_EMPTY_PATH,
  AT_RECURSIVE,
  CLONE_NEWNS,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
  MS_REC,
  O_DIRECTORY,
  O_PATH,
  OPEN_TREE_CLONE,
  S_IFDIR,
  S_IFMT,
} from "../../kernel/constants.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { isErrno, readLink, statusIfThere } from "../../kernel/files.ts";
import { UserError } from "../../kernel/user-error.ts";
import { INSIDE, names } from "../../linux/inside.ts";
import { openRootfs } from "../../linux/mounts/rootfs.ts";
import { variable } from "../../linux/process/environment.ts";
import type { Agent } from "../init/agent.ts";
import { HostCopy } from "../init/host-copy.ts";
import { coverWithPlace } from "./covered-directory.ts";

/** The directory with tools. */
export interface Tools {
  /** Its path on the host, absolute. */
  readonly directory: string;
  /** Where the process finds it. */
  readonly at: string;
}

const FLAG = "exec: --tools";
const AT_FLAG = "exec: --at";

/** File systems in which no place can be made, and whose entries come and go. */
const UNFIT: readonly string[] = ["proc", "sys"];

/** The subdirectories that have programs, of a directory that is laid out as a root is; searched after it. */
const PROGRAMS = ["", "/bin", "/sbin", "/usr/bin", "/usr/sbin"];

/** Checks what the flags say. @throws UserError */
export function toolsOf(directory: string, at: string): Tools {
  const [first] = names(at);
  if (!at.startsWith("/") || first === undefined)
    throw new UserError(`${AT_FLAG} ${at}`, "must be an absolute path below /, such as /.tools");
  if (UNFIT.includes(first))
    throw new UserError(`${AT_FLAG} ${at}`, `nothing can be mounted in /${first}: choose another path`);
  if (!isDirectory(directory))
    throw new UserError(
      `${FLAG} ${directory}`,
      "is not a directory of this host: give one with static programs",
    );
  return { directory, at: `/${names(at).join("/")}` };
}

function isDirectory(path: string): boolean {
  try {
    return ((statusIfThere(path)?.mode ?? 0) & S_IFMT) === S_IFDIR;
  } catch (error) {
    // ENOTDIR and the like: the next step would say the same
    if (isErrno(error, ERRNO.ENOTDIR, ERRNO.ELOOP, ERRNO.ENAMETOOLONG)) return false;
    if (isErrno(error, ERRNO.EACCES)) throw new UserError(`${FLAG} ${path}`, errnoWords(ERRNO.EACCES));
    throw error;
  }
}

/** The environment of the process: the tools come first in PATH. */
export function inPath(env: readonly string[], { directory, at }: Tools): readonly string[] {
  const own = PROGRAMS.filter((below) => below === "" || isDirectory(directory + below)).map(
    (below) => at + below,
  );
  const path = [...own, variable(env, "PATH")].filter((part) => part !== undefined).join(":");
  return [...env, `PATH=${path}`]; // the last one counts
}

/** The container's mounts, for a process that is about to enter them. */
interface Place {
  /** An agent's descriptor of the mount namespace; null if the container has none of its own. */
  readonly mounts: number | null;
  /** The pid of a process in the container. */
  readonly pid: number;
}

/** Gives an agent, which has joined the container's other namespaces, its mounts and the tools. @throws UserError */
export async function enterWithTools(agent: Agent, tools: Tools, { mounts, pid }: Place): Promise<void> {
  const { program } = agent.init;
  const copy = await HostCopy.make(agent);
  const tree = copy.open((who) => {
    const opened = who
      .by(`${FLAG} ${tools.directory}`)
      .add(openTree(CWD, tools.directory, OPEN_TREE_CLONE | AT_RECURSIVE));
    const set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    who.add(mountSetattr(opened, "", AT_EMPTY_PATH | AT_RECURSIVE, { set, propagation: MS_PRIVATE }));
    return opened;
  });
  program.by("a copy of the container's mounts");
  if (mounts === null) {
    // The container lives in the host's mounts, of which the process has its copy already.
    program.add(fchdir(openRootfs(program, readLink(`/proc/${pid}/root`))));
    program.add(chroot("."));
  } else {
    copy.leaveFor(mounts);
    program.add(unshare(CLONE_NEWNS));
    program.add(mount("", "/", "", MS_REC | MS_PRIVATE));
  }
  await agent.run();
  await copy.end();
  await attach(agent, tree, tools.at);
}

/** Attaches the tools at a path of the agent's root, in its own mount namespace. */
async function attach(agent: Agent, tree: StepResult | number, at: string): Promise<void> {
  const { program } = agent.init;
  program.by(`${AT_FLAG} ${at}`);
  const parts = names(at);
  const root = program.add(openat(CWD, "/", O_PATH | O_DIRECTORY));
  const hints = { ENOTDIR: `there is a file in the way: choose another place with --at` };
  const opened = parts.map((_, index) =>
    program.add(
      openat2(root, parts.slice(0, index + 1).join("/"), O_PATH | O_DIRECTORY, INSIDE),
      [ERRNO.ENOENT],
      hints,
    ),
  );
  await agent.run();
  const there = opened.filter((one) => agent.init.result(one) >= 0);
  const parent = there.at(-1) ?? root;
  const missing = parts.slice(there.length);
  if (missing.length === 0) program.add(moveMount(tree, parent));
  else await coverWithPlace(agent, { directory: parent, isRoot: there.length === 0, missing, tree });
}
