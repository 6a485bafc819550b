import type { Mount } from "../../../runtime-spec/config.ts";
import {
  MOUNT_ATTR_ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_RELATIME,
  MOUNT_ATTR_STRICTATIME,
  MS_PRIVATE,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
} from "../../kernel/constants.ts";

/** What one mount option changes: attributes of the mount, set or cleared. */
interface AttributeOption {
  readonly set?: number;
  readonly clear?: number;
  /** The kind of access times that it clears; another kind that was set before stays. */
  readonly undoes?: number;
}

const atime = (set: number): AttributeOption => ({ set, clear: MOUNT_ATTR_ATIME });
/** Clears one kind of access times, back to the kernel's default. */
const undo = (undoes: number): AttributeOption => ({ ...atime(MOUNT_ATTR_RELATIME), undoes });

/** Options that are attributes of a mount (mount_setattr(2)); with a leading `r`, of all mounts below too. */
const ATTRIBUTES: { readonly [option: string]: AttributeOption } = {
  ro: { set: MOUNT_ATTR_RDONLY },
  rw: { clear: MOUNT_ATTR_RDONLY },
  nosuid: { set: MOUNT_ATTR_NOSUID },
  suid: { clear: MOUNT_ATTR_NOSUID },
  nodev: { set: MOUNT_ATTR_NODEV },
  dev: { clear: MOUNT_ATTR_NODEV },
  noexec: { set: MOUNT_ATTR_NOEXEC },
  exec: { clear: MOUNT_ATTR_NOEXEC },
  nosymfollow: { set: MOUNT_ATTR_NOSYMFOLLOW },
  symfollow: { clear: MOUNT_ATTR_NOSYMFOLLOW },
  nodiratime: { set: MOUNT_ATTR_NODIRATIME },
  diratime: { clear: MOUNT_ATTR_NODIRATIME },
  noatime: atime(MOUNT_ATTR_NOATIME),
  relatime: atime(MOUNT_ATTR_RELATIME),
  strictatime: atime(MOUNT_ATTR_STRICTATIME),
  atime: undo(MOUNT_ATTR_NOATIME),
  norelatime: undo(MOUNT_ATTR_RELATIME),
  nostrictatime: undo(MOUNT_ATTR_STRICTATIME),
};

/** Propagation types (mount_namespaces(7)); with a leading `r`, of all mounts below too. */
export const PROPAGATIONS: { readonly [option: string]: number } = {
  private: MS_PRIVATE,
  shared: MS_SHARED,
  slave: MS_SLAVE,
  unbindable: MS_UNBINDABLE,
};

/** Options of every file system as a whole; fsconfig(2) takes them by these names. */
const OF_FILESYSTEMS = ["async", "dirsync", "lazytime", "mand", "nolazytime", "nomand", "sync"] as const;

/**
 * Options that mount(8) accepts and that have no effect here. File systems that can count an inode's changes always do,
 * whatever `iversion` says. `acl` exists only in mount(2); file systems with access control lists always apply them.
 */
const WITHOUT_EFFECT: ReadonlySet<string> = new Set([
  "defaults",
  "acl",
  "noacl",
  "iversion",
  "noiversion",
  "loud",
  "silent",
  "quiet",
  "auto",
  "noauto",
  "nofail",
  "user",
  "nouser",
]);

/** Mount options, sorted by what they change. */
export interface MountOptions {
  /** `rbind` beside `bind` is recursive, in either order. */
  readonly bind: "bind" | "rbind" | null;
  /** Attributes of the mount itself. */
  readonly set: number;
  readonly clear: number;
  /** Attributes of the mount and all below (`rro`, `rnoexec`, …). */
  readonly recursiveSet: number;
  readonly recursiveClear: number;
  /** In the order given; each applies to the mount, or to all below too. */
  readonly propagation: readonly { readonly type: number; readonly recursive: boolean }[];
  readonly remount: boolean;
  readonly copyUp: boolean;
  readonly idmap: "idmap" | "ridmap" | null;
  /** What follows `idmap=`: see idmap-option.ts. */
  readonly mappings: string | null;
  /** Options of the file system itself: `size=64k`, `newinstance`. */
  readonly data: readonly string[];
}

/** Reads mount options as runtime-spec (config.md#mounts) and mount(8) define them; the last of opposite ones wins. */
export function readMountOptions(options: readonly string[]): MountOptions {
  let bind: MountOptions["bind"] = null;
  let idmap: MountOptions["idmap"] = null;
  let mappings: string | null = null;
  let [remount, copyUp] = [false, false];
  const own = { set: 0, clear: 0 };
  const all = { set: 0, clear: 0 };
  const propagation: { type: number; recursive: boolean }[] = [];
  const data: string[] = [];
  for (const option of separated(options)) {
    const recursive = option.startsWith("r") ? option.slice(1) : "";
    if (ATTRIBUTES[option] !== undefined) change(own, ATTRIBUTES[option]);
    else if (PROPAGATIONS[option] !== undefined)
      propagation.push({ type: PROPAGATIONS[option], recursive: false });
    else if (ATTRIBUTES[recursive] !== undefined) change(all, ATTRIBUTES[recursive]);
    else if (PROPAGATIONS[recursive] !== undefined)
      propagation.push({ type: PROPAGATIONS[recursive], recursive: true });
    else if (option === "bind" || option === "rbind") bind = bind === "rbind" ? bind : option;
    else if (asksForIdmap(option)) [idmap, mappings] = idmapOf(option);
    else if (option === "remount") remount = true;
    else if (option === "tmpcopyup") copyUp = true;
    else if (!WITHOUT_EFFECT.has(option) && option !== "") data.push(option);
  }
  return {
    bind,
    idmap,
    mappings,
    remount,
    copyUp,
    set: own.set,
    clear: own.clear,
    recursiveSet: all.set,
    recursiveClear: all.clear,
    propagation,
    data,
  };
}

function separated(options: readonly string[]): readonly string[] {
  const all: string[] = [];
  for (const option of options) all.push(...separate(option));
  return all;
}

/**
 * A string may hold several options, as for mount(8). A comma belongs to a value where it is quoted or escaped, and in
 * lists of numbers (`mpol=bind:0,2`) and SELinux categories (`s0:c1,c2`). Quotes around a value are removed.
 */
function separate(option: string): readonly string[] {
  if (!option.includes(",")) return [option];
  const parts = option.match(/(?:"[^"]*"|\\.|[^,]|,(?=c?\d))+/g) ?? [];
  return parts.map((part) => part.replace(/^([^=]+)="([^"]*)"$/, "$1=$2"));
}

/** What crun does where the source or the destination of a bind mount is a symbolic link. */
const ON_LINKS = ["copy-symlink", "src-nofollow", "dest-nofollow"] as const;

/** Whether a bind mount has this option about symbolic links. */
export const asksFor = ({ data }: MountOptions, option: (typeof ON_LINKS)[number]) => data.includes(option);

/** Options of the file system that a bind mount can't take, since its file system is already mounted with its own. */
export function notForBind({ data }: MountOptions): readonly string[] {
  const known: readonly string[] = [...OF_FILESYSTEMS, ...ON_LINKS];
  return data.filter((option) => !known.includes(option));
}

/** cgroup2's own options (cgroups(7)). They apply to the whole host, so a container's mount does not set them. */
const OF_CGROUP2 = [
  "nsdelegate",
  "favordynmods",
  "nofavordynmods",
  "memory_localevents",
  "memory_recursiveprot",
  "memory_hugetlb_accounting",
  "pids_localevents",
];

/** Options among a cgroup mount's that cgroup2 does not have. */
export function notForCgroup({ data }: MountOptions): readonly string[] {
  const known: readonly string[] = [...OF_FILESYSTEMS, ...OF_CGROUP2];
  return data.filter((option) => !known.includes(option));
}

/** Whether a mount is a bind mount, by its type or its options. */
export function isBind({ type, options = [] }: Mount): boolean {
  return type === "bind" || options.includes("bind") || options.includes("rbind");
}

/** Whether a mount is id-mapped: by an option, or by mappings of its own. */
export function isIdMapped({ options = [], uidMappings = [], gidMappings = [] }: Mount): boolean {
  if (uidMappings.length > 0 || gidMappings.length > 0) return true;
  for (const option of options) if (option.includes("idmap")) return readMountOptions(options).idmap !== null;
  return false;
}

/** Whether a tmpfs is to start with a copy of the directory that it covers. */
export function isCopiedUp({ options = [] }: Mount): boolean {
  for (const option of options) if (option.includes("tmpcopyup")) return readMountOptions(options).copyUp;
  return false;
}

function asksForIdmap(option: string): boolean {
  return option.includes("idmap") && /^r?idmap(=|$)/.test(option);
}

function idmapOf(option: string): [idmap: "idmap" | "ridmap", mappings: string | null] {
  const equals = option.indexOf("=");
  return [option.startsWith("r") ? "ridmap" : "idmap", equals === -1 ? null : option.slice(equals + 1)];
}

function change(bits: { set: number; clear: number }, { set = 0, clear = 0, undoes }: AttributeOption): void {
  const time = bits.set & MOUNT_ATTR_ATIME;
  const hasTime = (bits.clear & MOUNT_ATTR_ATIME) !== 0;
  // As with mount(2): of several kinds of access times, strictatime wins over all, and relatime over none.
  if (clear === MOUNT_ATTR_ATIME && hasTime && (undoes === undefined ? time > set : time !== undoes)) return;
  bits.set = (bits.set & ~clear) | set;
  bits.clear = (bits.clear & ~set) | clear;
}

/** The options that set these attributes of a mount. */
export function attributeNames(bits: number): readonly string[] {
  const names = Object.entries(ATTRIBUTES).filter(([, { set = 0 }]) => set !== 0 && (bits & set) === set);
  return names.map(([name]) => name);
}

/** The options known here, for `features`. */
export function mountOptionNames(): readonly string[] {
  const plain = [...Object.keys(ATTRIBUTES), ...Object.keys(PROPAGATIONS)];
  return [
    "bind",
    "rbind",
    "idmap",
    "ridmap",
    "remount",
    "tmpcopyup",
    ...OF_FILESYSTEMS,
    ...ON_LINKS,
    ...WITHOUT_EFFECT,
    ...plain,
    ...plain.map((option) => `r${option}`),
  ].sort();
}
