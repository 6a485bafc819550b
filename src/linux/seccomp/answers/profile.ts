/**
 * Profiles as runtimes get them (`linux.seccomp` of a config.json) and as engines keep them: docker's and podman's files
 * have entries that only some machines, kernels and capabilities get, and `archMap` in place of `architectures`.
 */
import type { Seccomp } from "../../../../runtime-spec/config-linux-seccomp.ts";
import { parseJson } from "../../../../runtime-spec/json.ts";
import { lineOf, validateSeccomp } from "../../../../runtime-spec/validate.ts";
import { SyscallError } from "../../../kernel/call.ts";
import { ERRNO, type ErrnoName, errnoWords } from "../../../kernel/errno.ts";
import { readText } from "../../../kernel/files.ts";
import { ARCHITECTURE } from "../../../kernel/syscall-numbers.ts";
import { UserError } from "../../../kernel/user-error.ts";

export interface Profile {
  /** The file that it is in, for messages. */
  readonly path: string;
  /** Null where a config.json has none: nothing is filtered then. */
  readonly seccomp: Seccomp | null;
  /** What stands before the paths of its properties: `linux.seccomp.`, or nothing. */
  readonly prefix: string;
  /** The index in the file of each of `seccomp.syscalls`: entries that do not hold here are left out. */
  readonly indices: readonly number[];
  /** A line for each property that was not understood. */
  readonly doubts: readonly string[];
}

/** What entries of an engine's profile may depend on. */
interface Surroundings {
  readonly capabilities: ReadonlySet<string>;
  /** Such as `6.1.0-56-cloud-amd64`. */
  readonly kernel: string;
}

/** Those that docker gives a container that asks for none. */
export const DOCKER_CAPABILITIES = [
  ...["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW", "CAP_SETGID"],
  ...["CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL"],
  "CAP_AUDIT_WRITE",
] as const;

type Json = { readonly [name: string]: unknown };
const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const objects = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.filter(isObject) : []);
const strings = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];

/** Reads a config.json or an engine's profile. @throws UserError with all that is wrong with it */
export function readProfile(path: string, surroundings: Surroundings): Profile {
  const value = parseJson(textOf(path), path);
  if (!isObject(value)) throw new UserError(path, "is not a profile: it must be a JSON object");
  const isConfig = "ociVersion" in value || "linux" in value;
  if (isConfig) {
    const { linux } = value;
    const seccomp = isObject(linux) ? (linux["seccomp"] ?? null) : null;
    if (seccomp === null) return { path, seccomp, prefix: "linux.seccomp.", indices: [], doubts: [] };
    return checked(path, "linux.seccomp.", seccomp, surroundings);
  }
  if (!("defaultAction" in value))
    throw new UserError(path, "is not a profile: it has neither defaultAction nor linux.seccomp");
  return checked(path, "", value, surroundings);
}

function textOf(path: string): string {
  try {
    return readText(path);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new UserError(path, `cannot be read: ${errnoWords(error.errno)}`);
  }
}

function checked(path: string, prefix: string, value: unknown, surroundings: Surroundings): Profile {
  const doubts: string[] = [];
  const { seccomp, problems } = validateSeccomp(isObject(value) ? plain(value, doubts) : value);
  if (problems.length > 0)
    throw new UserError(problems.map((one) => lineOf(path, { ...one, path: `${prefix}${one.path}` })));
  const entries = isObject(value) ? objects(value["syscalls"]) : [];
  const indices = entries.flatMap((entry, index) => (isFor(entry, surroundings) ? [index] : []));
  const syscalls = (seccomp.syscalls ?? []).filter((_, index) => indices.includes(index));
  return {
    path,
    seccomp: { ...seccomp, syscalls },
    prefix,
    indices,
    doubts: doubts.map((doubt) => `${path}: ${prefix}${doubt} is not understood, and ignored`),
  };
}

/** What a profile and an entry of it may have, but for what the specification has. */
const KNOWN = {
  profile: ["archMap", "defaultErrno", "defaultAction", "defaultErrnoRet", "architectures", "flags"],
  alsoProfile: ["listenerPath", "listenerMetadata", "syscalls"],
  entry: ["name", "names", "action", "errnoRet", "errno", "args", "comment", "includes", "excludes"],
  condition: ["caps", "arches", "minKernel"],
} as const;

/** An engine's profile in the specification's words; `doubts` gets the paths of what has none there. */
function plain(profile: Json, doubts: string[]): unknown {
  const { archMap, defaultErrno, architectures, syscalls, defaultErrnoRet, ...rest } = profile;
  const known: readonly string[] = [...KNOWN.profile, ...KNOWN.alsoProfile];
  doubts.push(...Object.keys(profile).filter((name) => !known.includes(name)));
  const own = Array.isArray(architectures) && architectures.length > 0 ? architectures : undefined;
  return {
    ...rest,
    ...optional("architectures", own ?? (archMap ? mapped(objects(archMap)) : undefined)),
    ...optional("defaultErrnoRet", defaultErrnoRet ?? errnoOf(defaultErrno, "defaultErrno", doubts)),
    ...optional(
      "syscalls",
      Array.isArray(syscalls) ? syscalls.map((entry, index) => plainEntry(entry, index, doubts)) : syscalls,
    ),
  };
}

const optional = (name: string, value: unknown) =>
  value === undefined || value === null ? {} : { [name]: value };

function plainEntry(entry: unknown, index: number, doubts: string[]): unknown {
  if (!isObject(entry)) return entry;
  const { name, names, comment: _, includes, excludes, errno, errnoRet, ...rest } = entry;
  const where = `syscalls[${index}]`;
  const known: readonly string[] = KNOWN.entry;
  const conditions: readonly string[] = KNOWN.condition;
  doubts.push(...Object.keys(entry).flatMap((key) => (known.includes(key) ? [] : [`${where}.${key}`])));
  for (const [key, condition] of Object.entries({ includes, excludes }))
    for (const word of isObject(condition) ? Object.keys(condition) : [])
      if (!conditions.includes(word)) doubts.push(`${where}.${key}.${word}`);
  return {
    ...rest,
    names: Array.isArray(names) && names.length > 0 ? names : typeof name === "string" ? [name] : names,
    ...optional("errnoRet", errnoRet ?? errnoOf(errno, `${where}.errno`, doubts)),
  };
}

/** podman's files name errnos. */
function errnoOf(name: unknown, where: string, doubts: string[]): number | undefined {
  if (typeof name !== "string" || name === "") return undefined;
  if (name in ERRNO) return ERRNO[name as ErrnoName]; // which was just tested
  doubts.push(where);
  return undefined;
}

const NATIVE = ARCHITECTURE === "arm64" ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64";

/** `architectures` of this machine. */
function mapped(archMap: readonly Json[]): readonly unknown[] {
  return archMap
    .filter(({ architecture }) => architecture === NATIVE)
    .flatMap(({ architecture, subArchitectures }) => [architecture, ...strings(subArchitectures)]);
}

/** This machine's, in Go's words. */
const GO_ARCHITECTURE = ARCHITECTURE === "arm64" ? "arm64" : "amd64";

/** Whether an entry of an engine's profile holds here: all that it includes is so, and nothing that it excludes. */
function isFor({ includes, excludes }: Json, { capabilities, kernel }: Surroundings): boolean {
  if (isObject(includes)) {
    const { arches, caps, minKernel } = includes;
    if (strings(arches).length > 0 && !strings(arches).includes(GO_ARCHITECTURE)) return false;
    if (!strings(caps).every((one) => capabilities.has(one))) return false;
    if (typeof minKernel === "string" && !isAtLeast(kernel, minKernel)) return false;
  }
  if (!isObject(excludes)) return true;
  const { arches, caps, minKernel } = excludes;
  if (strings(arches).includes(GO_ARCHITECTURE) || strings(caps).some((one) => capabilities.has(one)))
    return false;
  return typeof minKernel !== "string" || !isAtLeast(kernel, minKernel);
}

/** Compares the first two numbers of versions. */
function isAtLeast(version: string, least: string): boolean {
  const [[major = 0, minor = 0], [leastMajor = 0, leastMinor = 0]] = [version, least].map((one) =>
    (one.match(/\d+/g) ?? []).map(Number),
  ) as [number[], number[]]; // of a pair
  return major > leastMajor || (major === leastMajor && minor >= leastMinor);
}

/** The path of a property as the file has it, from the path that a profile's compiler knows: `linux.seccomp.…`. */
export function placeIn({ path, prefix, indices }: Profile, compiled: string): string {
  const place = compiled
    .replace(/^linux\.seccomp\.?/, prefix)
    .replace(/syscalls\[(\d+)\]/, (_, index: string) => `syscalls[${indices[Number(index)] ?? index}]`);
  return [path, place.replace(/\.$/, "")].filter((part) => part !== "").join(": ");
}
