import type { Config, Process } from "../../runtime-spec/config.ts";
import { fail } from "../linux/config-error.ts";

/**
 * Properties of runtime-spec that tsrun does not apply yet. They are refused, never ignored: a container without
 * what its config asks for would be less safe than its author thinks.
 */
const UNSUPPORTED: readonly (readonly [path: string, value: (config: Config) => unknown])[] = [
  ["linux.mountLabel", ({ linux }) => linux?.mountLabel],
  ["linux.intelRdt", ({ linux }) => linux?.intelRdt],
  ["linux.memoryPolicy", ({ linux }) => linux?.memoryPolicy],
  ["linux.netDevices", ({ linux }) => linux?.netDevices],
];

const UNSUPPORTED_IN_PROCESS = [
  "apparmorProfile",
  "selinuxLabel",
] as const satisfies readonly (keyof Process)[];

/** Whether the property at this path, such as `linux.seccomp`, is applied. */
export function supports(path: string): boolean {
  const missing = [
    ...UNSUPPORTED.map(([name]) => name),
    ...UNSUPPORTED_IN_PROCESS.map((name) => `process.${name}`),
  ];
  return !missing.includes(path);
}

/** @throws ConfigError that names the first property not applied yet */
export function refuseUnsupported(config: Config): void {
  for (const [path, value] of UNSUPPORTED) if (value(config)) refuse(path);
  if (config.process !== undefined) refuseUnsupportedProcess(config.process);
}

/** The same for a process alone, of `exec`. */
export function refuseUnsupportedProcess(process: Process): void {
  for (const name of UNSUPPORTED_IN_PROCESS) if (process[name]) refuse(`process.${name}`);
}

function refuse(path: string): never {
  return fail(path, "is not supported by this version of tsrun");
}
