import type { Mount } from "../../../runtime-spec/config.ts";
import {
  MOUNT_ATTR_ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_RELATIME,
  MOUNT_ATTR_STRICTATIME,
  MS_PRIVATE,
  MS_SHARED,
  MS_SLAVE,
  MS_UNBINDABLE,
} from "../../kernel/constants.ts";
import {
  attributeNames,
  isBind,
  type MountOptions,
  readMountOptions,
} from "../../linux/mounts/mount-options.ts";
import type { MountEntry } from "../../linux/mounts/mount-table.ts";
import type { Subject } from "./subject.ts";

interface Asked {
  readonly mount: Mount;
  readonly options: MountOptions;
}

/** In which options a mount differs from what was asked for, in words: `lacks noexec`. */
export function complaintsAbout(
  subject: Subject,
  { mount, options }: Asked,
  found: MountEntry,
): readonly string[] {
  const isInUserNamespace =
    subject.bundle.config.linux?.namespaces?.some(({ type }) => type === "user") ?? false;
  // A bind mount keeps what its source has; in a user namespace the host's own may be bound instead of a new one.
  const keepsOthers = isBind(mount) || isInUserNamespace;
  return [
    ...wrongAttributes(options, found, keepsOthers),
    ...belowAttributes(subject, options, found),
    ...wrongAccessTimes(options, found),
    ...wrongPropagation(options.propagation.at(-1)?.type, found),
    ...(isBind(mount) ? [] : wrongData(options.data, found, isInUserNamespace)),
  ];
}

/** Whether nothing can be written: the mount, or its file system, is read-only. */
export const isReadonly = ({ readonly, superOptions }: MountEntry) => readonly || superOptions.includes("ro");

const attributesOf = ({ options }: MountEntry) => readMountOptions(options).set & ~MOUNT_ATTR_ATIME;

function wrongAttributes(options: MountOptions, found: MountEntry, keepsOthers: boolean): readonly string[] {
  const there = attributesOf(found);
  const asked = (options.set | options.recursiveSet) & ~MOUNT_ATTR_ATIME;
  const effective = isReadonly(found) ? there | MOUNT_ATTR_RDONLY : there;
  const cleared = keepsOthers ? options.clear | options.recursiveClear : ~0;
  const [lacking, besides] = [asked & ~effective, there & cleared & ~asked];
  return [
    ...attributeNames(lacking).map((name) => `lacks ${name}`),
    ...attributeNames(besides).map((name) => `has ${name} besides`),
  ];
}

/** The recursive options (`rro`), in the mounts below. */
function belowAttributes(
  { mounts }: Subject,
  { recursiveSet }: MountOptions,
  { point }: MountEntry,
): readonly string[] {
  const asked = recursiveSet & ~MOUNT_ATTR_ATIME;
  if (asked === 0) return [];
  return mounts
    .filter((mount) => mount.point.startsWith(`${point}/`) && (asked & ~attributesOf(mount)) !== 0)
    .map((mount) => `${mount.point} below lacks ${attributeNames(asked & ~attributesOf(mount))}`);
}

function wrongAccessTimes({ set, clear }: MountOptions, { options }: MountEntry): readonly string[] {
  if ((clear & MOUNT_ATTR_ATIME) === 0) return []; // no kind was asked for
  const kinds = {
    noatime: MOUNT_ATTR_NOATIME,
    relatime: MOUNT_ATTR_RELATIME,
    strictatime: MOUNT_ATTR_STRICTATIME,
  };
  // The kernel tells the first two, and the third by their absence.
  const found = options.find((option) => option === "noatime" || option === "relatime") ?? "strictatime";
  const asked = Object.entries(kinds).find(([, kind]) => kind === (set & MOUNT_ATTR_ATIME))?.[0] ?? found;
  return asked === found ? [] : [`has ${found} in place of ${asked}`];
}

/** Whether a mount passes on what is mounted below it, as it should. A slave of a mount that isn't shared is private. */
export function wrongPropagation(
  asked: number | undefined,
  { propagation, shared }: MountEntry,
): readonly string[] {
  const isSlave = propagation.some((tag) => tag.startsWith("master:"));
  if (asked === MS_SHARED && !shared) return ["is not shared"];
  if (asked === MS_SLAVE && shared) return ["is shared"];
  if (asked === MS_PRIVATE && (shared || isSlave)) return [`is ${shared ? "shared" : "a slave"}`];
  if (asked === MS_UNBINDABLE && !propagation.includes("unbindable")) return ["is not unbindable"];
  return [];
}

/** How the values of options are read, that the kernel shows in another form. Others can't be compared. */
const VALUES: Readonly<Record<string, (text: string) => number>> = {
  mode: octal,
  ptmxmode: octal,
  size: bytes,
  nr_inodes: bytes,
  uid: Number,
  gid: Number,
};

/** A size is rounded up to whole pages, the largest of which have 64 KiB. */
const LARGEST_PAGE = 65_536;

/** Options of the file system itself that have another value. The kernel shows no defaults: those are not compared. */
function wrongData(
  asked: readonly string[],
  found: MountEntry,
  isInUserNamespace: boolean,
): readonly string[] {
  const there = new Map(found.superOptions.map((option) => nameAndValue(option)));
  return asked.flatMap((option) => {
    const [name, value] = nameAndValue(option);
    const [read, shown] = [VALUES[name], there.get(name)];
    if (read === undefined || shown === undefined) return [];
    if (isInUserNamespace && (name === "uid" || name === "gid")) return []; // shown as the host's ids
    const difference = read(shown) - read(value);
    const isRounded = name === "size" && difference >= 0 && difference < LARGEST_PAGE;
    return difference === 0 || isRounded || Number.isNaN(difference)
      ? []
      : [`has ${name}=${shown} in place of ${value}`];
  });
}

function nameAndValue(option: string): readonly [name: string, value: string] {
  const [name = "", ...value] = option.split("=");
  return [name, value.join("=")];
}

function octal(text: string): number {
  return Number.parseInt(text, 8);
}

/** Not a number for a percentage of the memory. */
function bytes(text: string): number {
  const [, digits, unit = ""] = /^(\d+)([kmgtpe]?)$/i.exec(text) ?? [];
  return Number(digits) * 1024 ** (unit === "" ? 0 : "kmgtpe".indexOf(unit.toLowerCase()) + 1);
}
