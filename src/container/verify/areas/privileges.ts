/** What a process may do: capabilities, its seccomp filter, its labels. */
import { SyscallError } from "../../../kernel/call.ts";
import { readTextIfThere } from "../../../kernel/files.ts";
import { LANDLOCK_ANNOTATION } from "../../../linux/landlock/confinement.ts";
import {
  CAPABILITY_SETS,
  type CapabilitySetName,
  type CapabilitySets,
  capabilitiesAfterExec,
  capabilitiesIn,
} from "../capability-sets.ts";
import { type Area, changed, compared, differs, type Finding, same, unseen } from "../finding.ts";
import type { Subject } from "../subject.ts";

/** The kernel may know less than config.json. */
const LAST = "/proc/sys/kernel/cap_last_cap";

const SETS = Object.entries(CAPABILITY_SETS) as readonly (readonly [CapabilitySetName, string])[]; // Object.entries() loses the keys

export const capabilities: Area = {
  of: "process.capabilities",
  look(subject) {
    const all = capabilitiesIn(((1n << BigInt(readTextIfThere(LAST)?.trim() ?? 63)) * 2n - 1n).toString(16));
    const asked = capabilitiesAfterExec(subject.bundle.process);
    const found = Object.fromEntries(
      SETS.map(([set, field]) => [set, capabilitiesIn(subject.field(field))]),
    ) as CapabilitySets; // Object.fromEntries() loses the keys
    return SETS.map(([set]) =>
      compareSet(set, found[set], asked[set].intersection(all), asked.permitted, subject),
    );
  },
};

function compareSet(
  set: CapabilitySetName,
  found: ReadonlySet<string>,
  asked: ReadonlySet<string>,
  permitted: ReadonlySet<string>,
  { bundle: { process } }: Subject,
): Finding {
  const path = `process.capabilities.${set}`;
  const written = process.capabilities?.[set] ?? [];
  const [more, less] = [found.difference(asked), asked.difference(found)];
  if (more.size === 0 && less.size === 0) return same(path, names(found));
  const isWritten = new Set(written).symmetricDifference(asked).size === 0;
  const computed = isWritten ? "" : `, as execve(2) makes them for uid ${process.user?.uid ?? 0}`;
  // A process may always drop capabilities, and make inheritable and ambient what it is permitted.
  const byItself = more.isSubsetOf(set === "inheritable" || set === "ambient" ? permitted : new Set());
  const difference = [
    ...(more.size > 0 ? [`has ${names(more)} besides`] : []),
    ...(less.size > 0 ? [`lacks ${names(less)}`] : []),
  ];
  return (byItself ? changed : differs)(path, difference.join(", "), `${names(asked)}${computed}`);
}

const names = (set: ReadonlySet<string>) => [...set].join(" ") || "none";

/** `Seccomp` in proc_pid_status(5). */
const MODES: Readonly<Record<string, string>> = { 0: "no filter", 1: "strict mode", 2: "filtered" };

export const seccomp: Area = {
  of: "linux.seccomp",
  look(subject) {
    const [mode, filters] = [subject.field("Seccomp"), subject.field("Seccomp_filters")];
    const words = MODES[mode] ?? `mode ${mode}`;
    const found = mode === "2" && filters !== "" ? `${words} by ${filters}` : words;
    // More filters only forbid more. What they forbid can't be seen without stopping the process.
    const isMissing = subject.bundle.config.linux?.seccomp !== undefined && mode !== "2";
    return [isMissing ? differs("linux.seccomp", found, "a filter") : same("linux.seccomp", found)];
  },
};

export const labels: Area = {
  of: "process.apparmorProfile",
  look(subject) {
    const { apparmorProfile = "", selinuxLabel = "" } = subject.bundle.process;
    return [
      ...(apparmorProfile === ""
        ? []
        : [compared("process.apparmorProfile", profileOf(subject), apparmorProfile)]),
      ...(selinuxLabel === ""
        ? []
        : [compared("process.selinuxLabel", attribute(subject, "attr/current") ?? "none", selinuxLabel)]),
    ];
  },
};

const CONFINED = `annotations["${LANDLOCK_ANNOTATION}"]`;

/** What Landlock confines a process to is told to nobody. */
export const landlock: Area = {
  of: CONFINED,
  look: ({ bundle: { config } }) =>
    config.annotations?.[LANDLOCK_ANNOTATION] === undefined
      ? []
      : [unseen(CONFINED, "the kernel does not tell it", "a policy of Landlock")],
};

/** `NAME (enforce)` in apparmor(7); in another mode it allows more. */
function profileOf(subject: Subject): string {
  const found = attribute(subject, "attr/apparmor/current") ?? attribute(subject, "attr/current");
  return found?.replace(/ \(enforce\)$/, "") ?? "none";
}

/** Null where the kernel has none: no security module tells it. */
function attribute(subject: Subject, name: string): string | null {
  try {
    return subject.read(name).replace(/[\0\n]+$/, "");
  } catch (error) {
    if (error instanceof SyscallError) return null;
    throw error;
  }
}
