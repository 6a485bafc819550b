/**
 * `mounts`, and what is mounted besides. A destination is resolved in the container, and the mount that is there is
 * found in the process's mount table by its number: no path is compared as text.
 */
import type { Mount } from "../../../../runtime-spec/config.ts";
import { SyscallError } from "../../../kernel/call.ts";
import { AT_SYMLINK_NOFOLLOW, O_NOFOLLOW, S_IFLNK, S_IFMT } from "../../../kernel/constants.ts";
import { statusIfThere } from "../../../kernel/files.ts";
import { names } from "../../../linux/inside.ts";
import { asksFor, isBind, type MountOptions, readMountOptions } from "../../../linux/mounts/mount-options.ts";
import type { MountEntry } from "../../../linux/mounts/mount-table.ts";
import { isBelow, sourcePath } from "../../../linux/mounts/source.ts";
import { type Area, differs, type Finding, same, unseen } from "../finding.ts";
import { complaintsAbout } from "../mount-flags.ts";
import type { Place, Subject } from "../subject.ts";

/** One of `mounts` with what is at its destination. */
export interface Wanted {
  readonly index: number;
  readonly mount: Mount;
  /** With the options of later remounts. */
  readonly options: MountOptions;
  /** Null where nothing is, or it can't be looked at. */
  readonly place: Place | null;
  readonly trouble: SyscallError | null;
}

export const mounts: Area = {
  of: "mounts",
  look: (subject) => wantedMounts(subject).map((wanted) => look(subject, wanted)),
};

/** Those of `mounts` that are to be seen: no link in place of a mount, and none that a later one covers. */
export function wantedMounts(subject: Subject): readonly Wanted[] {
  const { mounts: all = [] } = subject.bundle.config;
  const found = all.flatMap((mount, index): readonly Wanted[] => {
    const options = readMountOptions(mount.options ?? []);
    if (options.remount || isCopiedLink(subject, mount, options)) return [];
    const rest = all.slice(index + 1).filter((later) => isSamePlace(later, mount) && isRemount(later));
    const noFollow = asksFor(options, "dest-nofollow") ? O_NOFOLLOW : 0;
    const folded = readMountOptions([mount, ...rest].flatMap((one) => one.options ?? []));
    return [{ index, mount, options: folded, ...placeAt(subject, mount.destination, noFollow) }];
  });
  return found.filter((one) => !found.some((later) => later.index > one.index && covers(later, one)));
}

/** A container may make one path that can't be followed: the others are looked at anyway. */
export function placeAt(subject: Subject, path: string, flags = 0): Pick<Wanted, "place" | "trouble"> {
  try {
    return { place: subject.at(path, flags), trouble: null };
  } catch (error) {
    if (error instanceof SyscallError) return { place: null, trouble: error };
    throw error;
  }
}

const isRemount = ({ options = [] }: Mount) => readMountOptions(options).remount;
const isSamePlace = (one: Mount, other: Mount) =>
  `${names(one.destination)}` === `${names(other.destination)}`;

/** Whether a later mount is in the same place, perhaps by way of a link, or above it. */
function covers(later: Wanted, one: Wanted): boolean {
  const [above, below] = [names(later.mount.destination), names(one.mount.destination)];
  if (above.every((name, index) => name === below[index])) return true;
  const mount = one.place?.status.isMountRoot ? one.place.mount : null;
  return mount !== null && later.place?.status.isMountRoot === true && later.place.mount === mount;
}

/** crun's copy-symlink: there is a link in place of a mount. */
function isCopiedLink({ bundle }: Subject, mount: Mount, options: MountOptions): boolean {
  if (!asksFor(options, "copy-symlink")) return false;
  const source = statusIfThere(sourcePath(mount, { bundle: bundle.path }), AT_SYMLINK_NOFOLLOW);
  return source !== null && (source.mode & S_IFMT) === S_IFLNK;
}

function look(subject: Subject, wanted: Wanted): Finding {
  const { index, mount, options, place, trouble } = wanted;
  const path = `mounts[${index}]`;
  const asked = `${isBind(mount) ? `bind of ${mount.source}` : mount.type} on ${mount.destination}${inBrackets(mount.options)}`;
  if (trouble !== null) return unseen(path, trouble.message, asked);
  if (place === null) return differs(path, `nothing is at ${mount.destination}`, asked);
  if (place.mount === null)
    return differs(path, `${mount.destination} is on a mount that the process does not see`, asked);
  if (!place.status.isMountRoot)
    return differs(
      path,
      `not mounted: ${mount.destination} belongs to the mount on ${place.mount.point}`,
      asked,
    );
  const found = mountText(place.mount);
  const wrong = isBind(mount) ? wrongSource(subject, mount, options, place) : wrongType(mount, place.mount);
  if (wrong !== null) return differs(path, `${found}: ${wrong}`, asked);
  const complaints = complaintsAbout(subject, wanted, place.mount);
  return complaints.length === 0
    ? same(path, found)
    : differs(`${path}.options`, `${found}: ${complaints.join(", ")}`, asked);
}

/** `tmpfs on /dev (rw,nosuid,size=64k)` */
export function mountText({ type, point, options, superOptions }: MountEntry): string {
  const special = superOptions.filter((option) => !["rw", "ro"].includes(option));
  return `${type} on ${point}${inBrackets([...options, ...special])}`;
}

const inBrackets = (options: readonly string[] = []) =>
  options.length === 0 ? "" : ` (${options.join(",")})`;

/** What runtimes mount where the config says `cgroup`: with cgroup v1, hierarchies on a tmpfs. */
const CGROUPS = ["cgroup2", "cgroup", "tmpfs"];

function wrongType({ type = "" }: Mount, found: MountEntry): string | null {
  const isRight = type.startsWith("cgroup")
    ? CGROUPS.includes(found.type)
    : found.type === type || found.type.startsWith(`${type}.`); // fuse.sshfs
  return isRight ? null : "is another file system";
}

/** What proc shows of its reader can't be compared. */
const OF_ITS_READER = /^\/proc\/(self|thread-self|net|mounts)(\/|$)/;

function wrongSource(
  { bundle }: Subject,
  mount: Mount,
  options: MountOptions,
  { status }: Place,
): string | null {
  const source = sourcePath(mount, { bundle: bundle.path });
  // In the rootfs it may be what an earlier mount has brought, which is not to be seen from here.
  if (OF_ITS_READER.test(source) || isBelow(source, bundle)) return null;
  const there = statusIfThere(source, asksFor(options, "src-nofollow") ? AT_SYMLINK_NOFOLLOW : 0);
  if (there === null) return `${source} is gone since`;
  const isSame = there.inode === status.inode && `${there.device}` === `${status.device}`;
  return isSame ? null : `is not what is at ${source} now`;
}
