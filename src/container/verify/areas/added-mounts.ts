/** Mounts that no property asks for. */

import { containerDevices } from "../../../linux/devices/devices.ts";
import { isBind } from "../../../linux/mounts/mount-options.ts";
import { type MountEntry, mountTable } from "../../../linux/mounts/mount-table.ts";
import { join } from "../../../linux/paths.ts";
import { type Area, differs, type Finding, same } from "../finding.ts";
import { isReadonly } from "../mount-flags.ts";
import type { Subject } from "../subject.ts";
import { mountText, placeAt, type Wanted, wantedMounts } from "./mounts.ts";

/** A container may have mounted a hundred thousand. */
const MOST = 50;

/** What every container may have: its root, its terminal, and the terminals' device. */
const USUAL = ["/", "/dev/console", "/dev/ptmx"];

export const addedMounts: Area = {
  of: "mounts",
  look(subject) {
    const { namespaces = [] } = subject.bundle.config.linux ?? {};
    if (!namespaces.some(({ type }) => type === "mount")) return []; // the host's
    const added = addedTo(subject);
    if (added.length === 0) return [same("mounts", "no mount that no property asks for")];
    const told = added
      .slice(0, MOST)
      .map((mount): Finding => differs("mounts", `added: ${mountText(mount)}`, "no such mount"));
    if (added.length <= MOST) return told;
    return [...told, differs("mounts", `added: ${added.length - MOST} more`, "no such mounts")];
  },
};

function addedTo(subject: Subject): readonly MountEntry[] {
  const wanted = wantedMounts(subject);
  const places = placesOf(subject, wanted);
  const trees = treesOf(wanted);
  const below = (point: string) => trees.some((tree) => `${point}/`.startsWith(`${tree}/`));
  return subject.mounts.filter(({ point }) => !places.has(point) && !below(point));
}

/** Where the container's own mounts are, by its paths and without links. */
function placesOf(subject: Subject, wanted: readonly Wanted[]): ReadonlySet<string> {
  const { mounts = [], linux = {} } = subject.bundle.config;
  const paths = [
    ...mounts.map(({ destination }) => destination),
    ...(linux.maskedPaths ?? []),
    ...(linux.readonlyPaths ?? []),
    ...containerDevices(linux.devices ?? []).map(({ device }) => device.path),
  ];
  const places = new Set([...USUAL, ...paths.map((path) => join("/", path)), ...inRootfs(subject)]);
  for (const { place } of wanted) if (place?.mount && place.status.isMountRoot) places.add(place.mount.point);
  // A link may lead to them; but one that leads elsewhere must not hide what somebody has mounted there.
  for (const path of [...(linux.maskedPaths ?? []), ...(linux.readonlyPaths ?? [])]) {
    const { place } = placeAt(subject, path);
    if (place?.mount && place.status.isMountRoot && isReadonly(place.mount)) places.add(place.mount.point);
  }
  return places;
}

/** What the host has mounted below the rootfs comes with it. */
function inRootfs({ bundle: { rootfs } }: Subject): readonly string[] {
  return mountTable()
    .filter(({ point }) => point.startsWith(`${rootfs}/`))
    .map(({ point }) => point.slice(rootfs.length));
}

/** Places that bring all that is mounted below them: file systems of the host's. */
function treesOf(wanted: readonly Wanted[]): readonly string[] {
  const brings = ({ mount, options }: Wanted) =>
    (isBind(mount) && (options.bind !== "bind" || options.propagation.length > 0)) ||
    OF_HOST.includes(mount.type ?? "");
  return wanted
    .filter(brings)
    .flatMap(({ place }) => (place?.mount && place.status.isMountRoot ? [place.mount.point] : []));
}

/** cgroup v1 has a mount for each hierarchy; in a user namespace, sysfs may be the host's with all below it. */
const OF_HOST = ["cgroup", "sysfs"];
