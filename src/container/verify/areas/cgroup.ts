/** The cgroup of a container, and its limits in there. */
import type { Resources } from "../../../../runtime-spec/config-linux.ts";
import { ERRNO } from "../../../kernel/errno.ts";
import { readText } from "../../../kernel/files.ts";
import { controllerOf } from "../../../linux/cgroups/apply.ts";
import { type CgroupWrite, RESOURCES } from "../../../linux/cgroups/cgroup-write.ts";
import { readIfThere } from "../../../linux/cgroups/events.ts";
import { v1MountIn } from "../../../linux/cgroups/hierarchy.ts";
import { resourceWrites } from "../../../linux/cgroups/resources.ts";
import { isIn, locationOf } from "../cgroup-location.ts";
import { agrees, isKeyed } from "../cgroup-values.ts";
import { type Area, differs, type Finding, same, unseen } from "../finding.ts";

export const cgroupsPath: Area = {
  of: "linux.cgroupsPath",
  look(subject) {
    const { found, asked } = locationOf(subject);
    if (asked === null) return [];
    const isThere = found.some((cgroup) => isIn(cgroup, asked));
    if (isThere) return [same("linux.cgroupsPath", asked)];
    return [differs("linux.cgroupsPath", `the process is in ${[...new Set(found)].join(", ")}`, asked)];
  },
};

export const resources: Area = {
  of: RESOURCES,
  look(subject) {
    const asked = lastWrites(subject.bundle.config.linux?.resources ?? {});
    const { directory, isCertain } = locationOf(subject);
    if (directory === null)
      return asked.map(({ where, file, value }) => unseen(where, whyNowhere(file), value));
    const updated = lastWrites(subject.target.own?.resources ?? {});
    return [
      ...asked.flatMap((write) => look(directory, write, updated)),
      ...(isCertain ? unasked(directory, asked, updated) : []),
    ];
  },
};

function whyNowhere(file: string): string {
  return whyInV1(file) ?? "the container's cgroup can't be told: the process is in another one";
}

/** Why a file isn't in cgroup v2, where its controller is in use elsewhere. */
function whyInV1(file: string): string | null {
  const controller = file.slice(0, file.indexOf("."));
  const mount = v1MountIn(readText("/proc/self/mountinfo"), controller);
  return mount === null
    ? null
    : `the ${controller} controller is mounted as cgroup v1 at ${mount}, which is not read`;
}

/** The writes that count in the end: a later one to the same file replaces an earlier one. */
function lastWrites(resources: Resources): readonly CgroupWrite[] {
  const last = new Map<string, CgroupWrite>();
  for (const write of resourceWrites(resources)) last.set(subjectOf(write), write);
  return [...last.values()];
}

/** What a write is about: a file, or in some files the limit of one device. */
const subjectOf = ({ file, value }: CgroupWrite) =>
  isKeyed(file) ? `${file} ${value.replace(/[^\s=]*$/, "")}` : file;

/** Whether a file holds what was written to it. */
function look(directory: string, write: CgroupWrite, updated: readonly CgroupWrite[]): readonly Finding[] {
  const { where, file, value, isDefault, tolerate, otherwise } = write;
  const text = readIfThere(directory, file);
  if (text === null && otherwise !== undefined) return look(directory, { where, ...otherwise }, updated);
  if (text === null && (isDefault || tolerate?.includes(ERRNO.ENOENT)))
    return [same(where, `${value} (the default)`)];
  if (text === null) {
    const why = whyInV1(file);
    return [
      why === null
        ? differs(where, `no ${file}: the cgroup has no ${controllerOf(write)} controller`, value)
        : unseen(where, why, value),
    ];
  }
  const found = `${text.trim().replaceAll("\n", "; ")} (${file})`;
  if (agrees(file, value, text)) return [same(where, found)];
  return [differs(where, found + since(write, text, updated), value)];
}

/** Whether it was tsrun that was told to change it. */
function since(
  write: Pick<CgroupWrite, "file" | "value">,
  text: string,
  updated: readonly CgroupWrite[],
): string {
  const isUpdated = updated.some(
    ({ file, value }) => file === write.file && value !== write.value && agrees(file, value, text),
  );
  return isUpdated ? ", set by tsrun update" : "";
}

/** Limits of a new cgroup, and what sets them. */
const DEFAULTS: readonly (readonly [file: string, value: string, property: string])[] = [
  ["memory.max", "max", "memory.limit"],
  ["memory.high", "max", 'unified["memory.high"]'],
  ["memory.swap.max", "max", "memory.swap"],
  ["pids.max", "max", "pids.limit"],
  ["cpu.max", "max 100000", "cpu.quota"],
];

/** Limits that no property asks for. systemd gives each of its units a number of processes. */
function unasked(
  directory: string,
  asked: readonly CgroupWrite[],
  updated: readonly CgroupWrite[],
): readonly Finding[] {
  return DEFAULTS.flatMap(([file, value, property]) => {
    if (asked.some((write) => write.file === file)) return [];
    if (file === "pids.max" && directory.endsWith(".scope")) return [];
    const text = readIfThere(directory, file);
    if (text === null || agrees(file, value, text)) return [];
    return [
      differs(
        `${RESOURCES}.${property}`,
        `${text.trim()} (${file})${since({ file, value }, text, updated)}`,
        "no limit",
      ),
    ];
  });
}
