import type { Config } from "../../../runtime-spec/config.ts";
import {
  CWD,
  fchdir,
  fsconfigReconfigure,
  fsconfigString,
  fspick,
  fstatfs,
  mknodat,
  mountSetattr,
  moveMount,
  openat,
  openTree,
  pivotRoot,
  umount2,
} from "../../kernel/calls.ts";
import {
  AT_EMPTY_PATH,
  AT_RECURSIVE,
  CLONE_NEWCGROUP,
  CLONE_NEWIPC,
  CLONE_NEWNET,
  CLONE_NEWNS,
  CLONE_NEWPID,
  MNT_DETACH,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  O_CREAT,
  O_DIRECTORY,
  O_NOCTTY,
  O_NONBLOCK,
  O_PATH,
  O_RDWR,
  OPEN_TREE_CLONE,
  S_IFCHR,
  TMPFS_MAGIC,
} from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { makeDevice, STATFS_SIZE, statfsType } from "../../kernel/structs.ts";
import { openSlave, unlockSlave } from "../../kernel/terminal.ts";
import { placesOf } from "../config-pattern.ts";
import { type Area, EVERY_CONTAINER, type Feature } from "../feature.ts";
import { detached, enterTmpfs, leaveMounts } from "../isolation.ts";
import { OWN } from "../own.ts";
import { mountOwn } from "../user-namespace-features.ts";
import { Missing } from "../verdict.ts";

/** File systems of the kernel's own that configs ask for, and the new namespaces that they are mounted in. */
const FILE_SYSTEMS = [
  { type: "proc", flags: CLONE_NEWPID, asked: "proc" },
  { type: "tmpfs", flags: 0, asked: "tmpfs" },
  { type: "devpts", flags: 0, asked: "devpts" },
  { type: "mqueue", flags: CLONE_NEWIPC, asked: "mqueue" },
  { type: "sysfs", flags: CLONE_NEWNET, asked: "sysfs" },
  { type: "cgroup2", flags: CLONE_NEWCGROUP, asked: "cgroup|cgroup2" },
] as const;

function fileSystemFeature({ type, flags, asked }: (typeof FILE_SYSTEMS)[number]): Feature {
  return {
    name: `filesystem.${type}`,
    title: `${type} file system`,
    config: [`mounts[type=${asked}]`],
    probe: ({ subject }) => mountOwn(subject.child(CLONE_NEWNS + flags), type),
  };
}

/** In a user namespace the host's nodes are bound instead, but for FIFOs, which anybody may make. */
function madeDevices(config: Config): readonly string[] {
  const isMapped = placesOf("linux.namespaces[type=user]", config).length > 0;
  return isMapped ? [] : placesOf("linux.devices", config);
}

export const mounts: Area = {
  name: "mounts",
  features: [
    {
      name: "mount.fsmount",
      title: "new mounts: fsopen, fsconfig, fsmount, move_mount",
      config: [EVERY_CONTAINER],
      probe: ({ subject }) => enterTmpfs(subject),
    },
    {
      name: "mount.open_tree",
      title: "copies of mounts: open_tree",
      config: [EVERY_CONTAINER],
      probe({ subject }) {
        leaveMounts(subject);
        const copy = subject.do(openTree(CWD, "/", OPEN_TREE_CLONE | AT_RECURSIVE));
        subject.do(moveMount(copy, subject.do(openat(CWD, "/", O_PATH | O_DIRECTORY))));
      },
    },
    {
      name: "mount.fspick",
      title: "new options for a mounted file system: fspick",
      config: ["mounts[options=remount]"],
      probe({ subject }) {
        const context = subject.do(fspick(enterTmpfs(subject)));
        subject.do(fsconfigString(context, "size", "1m"));
        subject.do(fsconfigReconfigure(context));
      },
    },
    {
      name: "mount.setattr",
      title: "attributes of whole trees: mount_setattr",
      config: [EVERY_CONTAINER],
      probe({ subject }) {
        const mount = enterTmpfs(subject);
        subject.do(mountSetattr(mount, "", AT_EMPTY_PATH | AT_RECURSIVE, { set: MOUNT_ATTR_RDONLY }));
        const error = subject.attempt(openat(mount, "file", O_CREAT | O_RDWR, 0o600));
        if (error !== -ERRNO.EROFS) throw new Missing("mount_setattr: a read-only mount is still written to");
      },
    },
    {
      name: "mount.nosymfollow",
      title: "mounts without symbolic links: MOUNT_ATTR_NOSYMFOLLOW",
      config: ["mounts[options=nosymfollow]"],
      probe({ subject }) {
        const mount = enterTmpfs(subject);
        subject.do(mountSetattr(mount, "", AT_EMPTY_PATH, { set: MOUNT_ATTR_NOSYMFOLLOW }));
      },
    },
    {
      name: "pivot_root",
      title: "another root directory: pivot_root",
      config: [EVERY_CONTAINER],
      probe({ subject }) {
        subject.do(fchdir(enterTmpfs(subject)));
        subject.do(pivotRoot(".", "."));
        subject.do(umount2(".", MNT_DETACH));
        const root = subject.do(openat(CWD, "/", O_PATH | O_DIRECTORY));
        if (statfsType(subject.ask(fstatfs(root, { room: STATFS_SIZE }))) !== TMPFS_MAGIC)
          throw new Missing("pivot_root: the root directory is the old one");
      },
    },
    ...FILE_SYSTEMS.map(fileSystemFeature),
    {
      name: "terminal",
      title: "pseudoterminals of a container's own",
      config: ["process.terminal=true"],
      probe({ subject }) {
        leaveMounts(subject);
        const devpts = detached(subject, "devpts");
        const master = subject.do(openat(devpts, "ptmx", O_RDWR | O_NOCTTY));
        subject.do(unlockSlave(master));
        subject.do(openSlave(master));
      },
    },
    {
      name: "device-nodes",
      title: "device nodes: mknod",
      config: OWN.uid === 0 ? ["linux.devices"] : [],
      places: madeDevices,
      probe({ subject }) {
        const tmpfs = enterTmpfs(subject);
        subject.do(mknodat(tmpfs, "null", S_IFCHR | 0o666, makeDevice(1, 3)));
        subject.do(openat(tmpfs, "null", O_RDWR | O_NONBLOCK));
      },
    },
  ],
};
