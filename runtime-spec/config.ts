/** `config.json` (config.md); its Linux part is in config-linux.ts, its process in config-process.ts. */

import { Linux } from "./config-linux.ts";
import { Process } from "./config-process.ts";
import { AbsolutePath, Env, IdMapping, NotEmpty, notEmpty, Strings } from "./defs.ts";
import {
  array,
  boolean,
  foreign,
  type Infer,
  integer,
  map,
  object,
  required,
  string,
  stringThat,
} from "./schema.ts";

export type {
  Capabilities,
  ConsoleSize,
  ExecCpuAffinity,
  IoPriority,
  Process,
  Rlimit,
  RlimitType,
  Scheduler,
  SchedulerFlag,
  SchedulerPolicy,
  User,
} from "./config-process.ts";
export type { IdMapping } from "./defs.ts";
export { INT64_MAX, type Integer, isUnlimited, UINT64_MAX } from "./int64.ts";

/** `path` is relative to the bundle, or absolute. */
export const Root = object({
  path: required(NotEmpty),
  readonly: boolean,
});
export type Root = Infer<typeof Root>;

/** A `destination` that is not absolute is taken from "/". */
export const Mount = object({
  destination: required(NotEmpty),
  type: string,
  source: string,
  options: Strings,
  uidMappings: array(IdMapping),
  gidMappings: array(IdMapping),
});
export type Mount = Infer<typeof Mount>;

/** `timeout` is in seconds. */
export const Hook = object({
  path: required(AbsolutePath),
  args: Strings,
  env: Env,
  timeout: integer(1, 2 ** 31 - 1),
});
export type Hook = Infer<typeof Hook>;

/** In the order in which they run; `prestart` is deprecated, and docker needs it. */
export const Hooks = object({
  prestart: array(Hook),
  createRuntime: array(Hook),
  createContainer: array(Hook),
  startContainer: array(Hook),
  poststart: array(Hook),
  poststop: array(Hook),
});
export type Hooks = Infer<typeof Hooks>;

/** SemVer 2.0.0; within major 1 every version can be read. */
export const OciVersion = stringThat((version) => {
  const semver = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[\w-]+(\.[\w-]+)*)?(\+[\w-]+(\.[\w-]+)*)?$/.exec(
    version,
  );
  if (semver === null) return 'must be a version in SemVer form like "1.3.0"';
  return semver[1] === "1" ? undefined : "must be a version 1.x of the runtime-spec";
});

/** What sethostname(2) and setdomainname(2) take. */
const UtsName = stringThat((name) =>
  new TextEncoder().encode(name).length > 64 ? "must not be longer than 64 bytes" : undefined,
);

export const Config = object({
  ociVersion: required(OciVersion),
  process: Process,
  root: required(Root),
  hostname: UtsName,
  domainname: UtsName,
  mounts: array(Mount),
  hooks: Hooks,
  annotations: map(string, notEmpty),
  linux: Linux,
  freebsd: foreign("FreeBSD"),
  solaris: foreign("Solaris"),
  vm: foreign("virtual machines"),
  windows: foreign("Windows"),
  zos: foreign("z/OS"),
});
export type Config = Infer<typeof Config>;
