/** Why the kernel refuses a user namespace its own proc or sysfs. Loaded only after such a failure. */
import { type MountEntry, mountTable } from "./mount-table.ts";

/** How many covering mounts are named. */
const MOST_NAMED = 8;

/** Empty directories that the kernel provides as mount points: mounts there cover nothing. */
const FOR_MOUNTS: readonly string[] = [
  "/proc/fs/nfsd",
  "/proc/sys/fs/binfmt_misc",
  "/sys/firmware/efi/efivars",
  "/sys/fs/bpf",
  "/sys/fs/cgroup",
  "/sys/fs/fuse/connections",
  "/sys/fs/nfs",
  "/sys/fs/pstore",
  "/sys/fs/resctrl",
  "/sys/fs/selinux",
  "/sys/fs/smackfs",
  "/sys/kernel/config",
  "/sys/kernel/debug",
  "/sys/kernel/security",
  "/sys/kernel/tracing",
];

/** What to ask of the runtime that made the outer container. */
const UNCOVERED =
  "podman run --security-opt unmask=ALL, docker run --security-opt systempaths=unconfined, Kubernetes' procMount: Unmasked";

const PLACES = { proc: "/proc", sysfs: "/sys" } as const;

export const isRevealing = (type: string | undefined): type is keyof typeof PLACES =>
  type !== undefined && Object.hasOwn(PLACES, type);

/**
 * A user namespace may mount a new proc or sysfs only if it already sees one: completely, at least as writable, and
 * with nothing mounted over it (`mount_too_revealing` in the kernel).
 */
export function whyTooRevealing(type: keyof typeof PLACES): string {
  const place = PLACES[type];
  const table = mountTable();
  const rule = `a user namespace may have a new ${type} only where it shows no more than ${place} here`;
  const there = table.findLast((entry) => entry.type === type && entry.point === place && entry.root === "/");
  if (there === undefined) return `${rule}, and ${place} is no whole ${type}`;
  const covers = coversIn(table, place);
  if (covers.length > 0)
    return `${rule}, and parts of that are covered: ${named(covers)}; the runtime that made the container around tsrun can leave them uncovered (${UNCOVERED})`;
  if (there.readonly)
    return `${rule}, and that is read-only; the runtime that made the container around tsrun can make it writable (${UNCOVERED})`;
  return rule;
}

/** The topmost mounts in it that hide something. */
function coversIn(table: readonly MountEntry[], place: string): readonly string[] {
  const isIn = (point: string, above: string) => `${point}/`.startsWith(`${above}/`);
  const below = table.map(({ point }) => point).filter((point) => point !== place && isIn(point, place));
  const covers = below.filter((point) => !FOR_MOUNTS.some((above) => isIn(point, above)));
  return [...new Set(covers)].filter(
    (point) => !covers.some((other) => other !== point && isIn(point, other)),
  );
}

function named(points: readonly string[]): string {
  const more = points.length - MOST_NAMED;
  return `${points.slice(0, MOST_NAMED).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
