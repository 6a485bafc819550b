import type { Config } from "../../runtime-spec/config.ts";
import { fail } from "../linux/config-error.ts";

/**
 * Properties of runtime-spec that tsrun does not apply yet. They are refused, never ignored: a container without
 * what its config asks for would be less safe than its author thinks.
 */
const UNSUPPORTED: readonly (readonly [path: string, value: (config: Config) => unknown])[] = [
  ["linux.intelRdt", ({ linux }) => linux?.intelRdt],
];

/** Whether the property at this path, such as `linux.seccomp`, is applied. */
export function supports(path: string): boolean {
  return !UNSUPPORTED.some(([name]) => name === path);
}

/** @throws ConfigError that names the first property not applied yet */
export function refuseUnsupported(config: Config): void {
  for (const [path, value] of UNSUPPORTED)
    if (value(config)) fail(path, "is not supported by this version of tsrun");
}
