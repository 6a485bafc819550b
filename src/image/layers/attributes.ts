/** Owner, mode, extended attributes and times of what is unpacked. */
import { type Call, SyscallError } from "../../kernel/call.ts";
import {
  fchmod,
  fchmodat,
  fchown,
  fchownat,
  fsetxattr,
  futimens,
  lsetxattr,
  utimensat,
} from "../../kernel/calls.ts";
import { AT_SYMLINK_NOFOLLOW } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { attempt, here } from "../../kernel/here.ts";
import { bothTimes } from "../../kernel/structs.ts";
import { UserError } from "../../kernel/user-error.ts";
import { pathOf } from "../names.ts";
import type { TarEntry } from "../tar/read-tar.ts";
import type { Losses } from "./losses.ts";
import type { Place } from "./root-tree.ts";

/** How files get their owners. */
export interface Owners {
  /** Whether all belong to the user, as no other id is mapped. */
  readonly onlyOwn: boolean;
  readonly losses: Losses;
}

/**
 * Not set: labels of the machine that the image was made on, and what overlayfs would obey were the rootfs mounted as
 * one of its layers.
 */
const LEFT_OUT =
  /^(security\.(selinux$|apparmor$|SMACK64)|trusted\.overlay\.|user\.overlay\.|system\.nfs4_acl$)/;

/** Ids beyond these mean "leave as it is" to chown(2), or nothing. */
const MOST_ID = 0xffff_fffe;

/** Gives an open file or directory what its entry says, but for its times. @throws SyscallError, UserError */
export function setAttributes(fd: number, entry: TarEntry, owners: Owners): void {
  own(fchown(fd, ...ids(entry)), entry, owners);
  here(fchmod(fd, entry.mode)); // chown(2) takes set-user-id away
  setXattrs((name, value) => fsetxattr(fd, name, value), entry, owners.losses);
}

/** The same of what can't be opened: a link, a device; with its times. @throws SyscallError, UserError */
export function setAttributesAt({ directory, name }: Place, entry: TarEntry, owners: Owners): void {
  own(fchownat(directory, pathOf(name), ...ids(entry), AT_SYMLINK_NOFOLLOW), entry, owners);
  // It was just made, by us: no link is followed.
  if (entry.type !== "symlink") here(fchmodat(directory, pathOf(name), entry.mode));
  const path = pathOf(`/proc/self/fd/${directory}/${name}`);
  setXattrs((xattr, value) => lsetxattr(path, xattr, value), entry, owners.losses);
  here(utimensat(directory, pathOf(name), timesOf(entry), AT_SYMLINK_NOFOLLOW));
}

export const setTimes = (fd: number, entry: TarEntry): void => void here(futimens(fd, timesOf(entry)));

/** As utimensat(2) takes them. */
export const timesOf = ({ atime, mtime }: TarEntry): Uint8Array => bothTimes(atime ?? mtime, mtime);

function ids({ uid, gid }: TarEntry): readonly [uid: number, gid: number] {
  for (const id of [uid, gid])
    if (id < 0 || id > MOST_ID) throw new UserError(`has the owner ${uid}:${gid}: ids end at ${MOST_ID}`);
  return [uid, gid];
}

function own(call: Call, { name, uid, gid }: TarEntry, { onlyOwn, losses }: Owners): void {
  if (onlyOwn) {
    if (uid !== 0 || gid !== 0) losses.add("owner", name);
    return;
  }
  const result = attempt(call);
  if (result >= 0) return;
  if (result === -ERRNO.EINVAL)
    throw new UserError(
      `has the owner ${uid}:${gid}, which this user namespace doesn't map (/proc/self/uid_map)`,
    );
  throw new SyscallError(call, -result);
}

/** Errnos of file systems and user namespaces that don't have such an attribute. */
const NOT_TAKEN: readonly number[] = [ERRNO.EOPNOTSUPP, ERRNO.EPERM, ERRNO.EINVAL];

function setXattrs(set: (name: string, value: Uint8Array) => Call, entry: TarEntry, losses: Losses): void {
  for (const [name, value] of entry.xattrs) {
    if (LEFT_OUT.test(name)) continue;
    const call = set(name, Buffer.from(value, "latin1"));
    const result = attempt(call);
    if (result >= 0) continue;
    if (!NOT_TAKEN.includes(-result)) throw new SyscallError(call, -result);
    losses.add("xattr", entry.name);
  }
}
