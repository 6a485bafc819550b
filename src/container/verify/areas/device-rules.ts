/**
 * What the cgroup lets a container do with devices: the programs that are attached to it and above are read back and run,
 * for every number that they or the rules know, and for others. With cgroup v1 there is a list instead.
 */
import type { DeviceRule } from "../../../../runtime-spec/config-linux.ts";
import { openProgram, programInfo, queryDevicePrograms } from "../../../kernel/bpf.ts";
import { CWD, close, openat } from "../../../kernel/calls.ts";
import { O_DIRECTORY, O_RDONLY } from "../../../kernel/constants.ts";
import { readText } from "../../../kernel/files.ts";
import { here } from "../../../kernel/here.ts";
import { RESOURCES } from "../../../linux/cgroups/cgroup-write.ts";
import { ALL_ACCESS, ANY, type DeviceAccess, deviceAccess } from "../../../linux/cgroups/device-access.ts";
import { containerDeviceRules } from "../../../linux/cgroups/device-rules.ts";
import { readIfThere } from "../../../linux/cgroups/events.ts";
import { v1MountIn } from "../../../linux/cgroups/hierarchy.ts";
import { type DeviceProgram, grantedBy } from "../../../linux/cgroups/run-device-program.ts";
import { locationOf } from "../cgroup-location.ts";
import { type Area, differs, type Finding, same, unseen } from "../finding.ts";
import type { Subject } from "../subject.ts";

const PATH = `${RESOURCES}.devices`;

/** What is there: accesses by type, major and minor number, as the kernel's bits; and the numbers that it knows. */
interface Granted {
  readonly access: (type: Type, major: number, minor: number) => number | null;
  readonly numbers: readonly number[];
  readonly what: string;
}

const TYPES = ["b", "c"] as const;
type Type = (typeof TYPES)[number];

export const deviceRules: Area = {
  of: PATH,
  look(subject) {
    if (subject.caller.uid !== 0) return []; // ordinary users' containers have none, and only root may read them
    const { resources, devices } = subject.bundle.config.linux ?? {};
    const rules = containerDeviceRules(resources?.devices, devices);
    const granted = grantedTo(subject);
    if (granted === null) return [];
    return compare(rules, granted);
  },
};

/** Null where the container has no cgroup that is known. */
function grantedTo(subject: Subject): Granted | null {
  const { directory } = locationOf(subject);
  const programs = directory === null ? [] : programsOf(directory);
  if (programs.length > 0) return byPrograms(programs);
  const list = subject.target.own === null ? listInV1(subject) : null;
  if (list !== null) return byList(list);
  if (directory === null) return null;
  return { access: () => ALL_ACCESS, numbers: [], what: "no device program" };
}

function programsOf(directory: string): readonly DeviceProgram[] {
  const cgroup = here(openat(CWD, directory, O_RDONLY | O_DIRECTORY));
  try {
    const { call, ids } = queryDevicePrograms(cgroup);
    here(call);
    return ids().map(programWith);
  } finally {
    here(close(cgroup));
  }
}

function programWith(id: number): DeviceProgram {
  const program = here(openProgram(id));
  try {
    const { call, instructions } = programInfo(program);
    here(call);
    return instructions();
  } finally {
    here(close(program));
  }
}

/** A dev_t has 20 bits for the minor number; tsrun's programs compare both numbers at once. */
const MINOR_BITS = 20;
const MINOR_MASK = 2 ** MINOR_BITS - 1;

function byPrograms(programs: readonly DeviceProgram[]): Granted {
  const numbers = programs.flat().flatMap(({ imm }) => [imm, imm >>> MINOR_BITS, imm & MINOR_MASK]);
  return {
    access: (type, major, minor) => grantedBy(programs, type, major, minor),
    numbers,
    what: "device programs",
  };
}

/** `devices.list` of cgroup v1: lines like `c 1:3 rwm`. Null where the process is in no such hierarchy. */
function listInV1(subject: Subject): string | null {
  const mount = v1MountIn(readText("/proc/self/mountinfo"), "devices");
  const line = subject
    .read("cgroup")
    .split("\n")
    .find((one) => /^\d+:([^:]*,)?devices[,:]/.test(one));
  if (mount === null || line === undefined) return null;
  return readIfThere(`${mount}${line.split(":").slice(2).join(":")}`, "devices.list");
}

function byList(list: string): Granted {
  const number = (text: string) => (text === "*" ? ANY : Number(text));
  const rules = list
    .split("\n")
    .filter(Boolean)
    .map((line): DeviceRule => {
      const [, type = "a", major = "*", minor = "*", access = ""] =
        /^(\w) (\S+):(\S+) (\w+)$/.exec(line) ?? [];
      return {
        allow: true,
        type: type === "b" || type === "c" ? type : "a",
        major: number(major),
        minor: number(minor),
        access,
      };
    });
  return {
    access: byRules(rules),
    numbers: rules.flatMap(({ major = ANY, minor = ANY }) => [major, minor]),
    what: "devices.list",
  };
}

/** What rules grant: the first entry that matches. */
function byRules(rules: readonly DeviceRule[]) {
  const entries = { b: deviceAccess("b", rules), c: deviceAccess("c", rules) };
  const matches = (one: DeviceAccess, major: number, minor: number) =>
    (one.major === ANY || one.major === major) && (one.minor === ANY || one.minor === minor);
  return (type: Type, major: number, minor: number) =>
    entries[type].find((entry) => matches(entry, major, minor))?.access ?? 0;
}

/** So many numbers are tried as major and as minor ones; a rule for more would go unseen. */
const MOST_NUMBERS = 96;
/** So many devices are named in a line. */
const MOST_NAMED = 6;

function compare(rules: readonly DeviceRule[], granted: Granted): readonly Finding[] {
  const asked = byRules(rules);
  const numbers = numbersIn(rules, granted);
  const other = Math.max(...numbers) + 1; // stands for all that nobody names
  const wrong = new Map<string, string[]>();
  let isLimited = false;
  for (const [type, major, minor] of devicesOf([other, ...numbers])) {
    const [found, wanted] = [granted.access(type, major, minor), asked(type, major, minor)];
    if (found === null) return [unseen(PATH, `${granted.what} do what is not known here`, "")];
    if (found !== ALL_ACCESS) isLimited = true;
    if (found === wanted) continue;
    const name = `${type} ${major === other ? "*" : major}:${minor === other ? "*" : minor}`;
    const key = `${accessText(found)}; ${accessText(wanted)}`;
    wrong.set(key, [...(wrong.get(key) ?? []), name]);
  }
  const all = `every device is allowed: ${granted.what}`;
  if (wrong.size === 0) return [same(PATH, isLimited ? `what the rules allow: ${granted.what}` : all)];
  if (!isLimited) return [differs(PATH, all, "only what the rules allow")];
  return [...wrong].map(([key, names]) => {
    const [found = "", wanted = ""] = key.split("; ");
    const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : "";
    return differs(PATH, `${names.slice(0, MOST_NAMED).join(", ")}${more}: ${found}`, wanted);
  });
}

/** Devices of both types with each of these numbers as major and as minor one. */
function* devicesOf(numbers: readonly number[]): Generator<readonly [Type, number, number]> {
  for (const type of TYPES)
    for (const major of numbers) for (const minor of numbers) yield [type, major, minor];
}

function numbersIn(rules: readonly DeviceRule[], { numbers }: Granted): readonly number[] {
  const named = rules.flatMap(({ major = ANY, minor = ANY }) => [major, minor]);
  const all = [...new Set([...named, ...numbers])].filter((one) => one >= 0 && one < MINOR_MASK);
  return [0, ...all.filter((one) => one !== 0)].slice(0, MOST_NUMBERS);
}

const LETTERS = [
  ["m", 1],
  ["r", 2],
  ["w", 4],
] as const;

function accessText(access: number): string {
  const letters = LETTERS.filter(([, bit]) => (access & bit) !== 0).map(([letter]) => letter);
  return letters.length === 0 ? "no access" : letters.sort().join("");
}
