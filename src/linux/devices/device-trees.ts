/** Devices for a user namespace, where mknod(2) fails: the host's nodes, or new ones made by the host agent. */
import type { Device, IdMapping, Linux } from "../../../runtime-spec/config-linux.ts";
import type { Program } from "../../agent/program.ts";
import type { Fd, StepResult } from "../../kernel/call.ts";
import {
  CWD,
  close,
  fchmodat,
  fchownat,
  fsconfigCreate,
  fsmount,
  fsopen,
  mknodat,
  mountSetattr,
  moveMount,
  openat2,
  openTree,
  umount2,
} from "../../kernel/calls.ts";
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  MNT_DETACH,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
  O_DIRECTORY,
  O_PATH,
  OPEN_TREE_CLONE,
  S_IFBLK,
  S_IFCHR,
  S_IFMT,
} from "../../kernel/constants.ts";
import { statusIfThere } from "../../kernel/files.ts";
import { makeDevice } from "../../kernel/structs.ts";

/** A directory that exists everywhere, used as a mount point for a moment, in the container's mount namespace. */
const MOMENTARY = "/proc";

/**
 * Opens the host's node at the device's path if it is that device; else a new one. Returns a mount of it. The mount of
 * a host's node is read-only: the container can use the device, but not change the node's mode or owner on the host.
 */
export function openDevice(host: Program, device: Device, linux: Linux): StepResult {
  if (!hostHas(device)) return makeTree(host, device, linux);
  const tree = host.add(openTree(CWD, device.path, OPEN_TREE_CLONE));
  const attributes = { set: MOUNT_ATTR_RDONLY, propagation: MS_PRIVATE }; // not the slave of the host's /dev
  host.add(mountSetattr(tree, "", AT_EMPTY_PATH, attributes));
  return tree;
}

function hostHas({ path, type, major = 0, minor = 0 }: Device): boolean {
  const found = statusIfThere(path);
  if (found === null || (found.mode & S_IFMT) !== kindOf(type)) return false;
  return found.deviceType[0] === major && found.deviceType[1] === minor;
}

const kindOf = (type: Device["type"]) => (type === "b" ? S_IFBLK : S_IFCHR);

/** A node on a tmpfs of its own, as in crun. The tmpfs is mounted first, as only an attached mount can be cloned. */
function makeTree(host: Program, device: Device, { uidMappings = [], gidMappings = [] }: Linux): StepResult {
  const { type, major = 0, minor = 0, fileMode = 0o666, uid = 0, gid = 0 } = device;
  const owner = host.wantedBy;
  host.by(`${owner}: the host does not have this device there, and it cannot be made`);
  const fs = host.add(fsopen("tmpfs"));
  host.add(fsconfigCreate(fs));
  const tmpfs: Fd = host.add(fsmount(fs, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
  const mode = fileMode & 0o7777;
  host.add(mknodat(tmpfs, "device", kindOf(type) | mode, makeDevice(major, minor)));
  const [user, group] = [outside(uidMappings, uid), outside(gidMappings, gid)];
  host.add(fchownat(tmpfs, "device", user, group, AT_SYMLINK_NOFOLLOW));
  host.add(fchmodat(tmpfs, "device", mode)); // independent of the caller's umask
  const place = host.add(openat2(CWD, MOMENTARY, O_PATH | O_DIRECTORY, 0));
  host.add(moveMount(tmpfs, place));
  for (const fd of [place, tmpfs, fs]) host.add(close(fd));
  const tree = host.add(openTree(CWD, `${MOMENTARY}/device`, OPEN_TREE_CLONE));
  host.add(umount2(MOMENTARY, MNT_DETACH));
  host.by(owner);
  return tree;
}

/** The host's id for an id of the container; if it is unmapped, the host's root, which the container sees as nobody. */
function outside(mappings: readonly IdMapping[], id: number): number {
  const range = mappings.find(({ containerID, size }) => id >= containerID && id < containerID + size);
  return range === undefined ? 0 : range.hostID + id - range.containerID;
}
