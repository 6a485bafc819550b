import { CAPABILITIES } from "../../runtime-spec/config-process.ts";
import type { Features, LinuxFeatures } from "../../runtime-spec/features.ts";
import { OCI_VERSION } from "../../runtime-spec/state.ts";
import { readTextIfThere } from "../kernel/files.ts";
import { landlockAbi } from "../linux/landlock/fit.ts";
import { mountOptionNames } from "../linux/mounts/mount-options.ts";
import { NAMESPACES } from "../linux/namespaces.ts";
import { memoryPolicyFeatures } from "../linux/process/memory-policy.ts";
import { seccompFeatures } from "../linux/seccomp/features.ts";
import { UNSAFE_ANNOTATIONS } from "./unsafe-annotations.ts";

const HOOKS = [
  "prestart",
  "createRuntime",
  "createContainer",
  "startContainer",
  "poststart",
  "poststop",
] as const;

/**
 * What tsrun can do (features.md), from the tables that the code itself works with. `notServed` says why no tsrun that
 * serves would do this user's commands; null when one would. `commit` is empty if it isn't known.
 */
export function features(version: string, commit: string, notServed: string | null): Features {
  return {
    ociVersionMin: "1.0.0",
    ociVersionMax: OCI_VERSION,
    hooks: HOOKS,
    mountOptions: mountOptionNames(),
    linux: linuxFeatures(),
    annotations: {
      "org.tsrun.version": version,
      ...(commit === "" ? {} : { "org.tsrun.commit": commit }),
      "org.tsrun.checkpoint.enabled": "true",
      "org.tsrun.landlock.abi": String(landlockAbi()),
      "org.tsrun.serve.enabled": String(notServed === null),
      ...(notServed === null ? {} : { "org.tsrun.serve.reason": notServed }),
    },
    potentiallyUnsafeConfigAnnotations: UNSAFE_ANNOTATIONS,
  };
}

function linuxFeatures(): LinuxFeatures {
  return {
    namespaces: NAMESPACES.map(({ type }) => type).sort(),
    capabilities: knownCapabilities(),
    cgroup: { v1: false, v2: true, systemd: true, systemdUser: true, rdma: true },
    seccomp: seccompFeatures(),
    apparmor: { enabled: true },
    selinux: { enabled: true },
    intelRdt: { enabled: true, schemata: true, monitoring: true },
    memoryPolicy: memoryPolicyFeatures(),
    mountExtensions: { idmap: { enabled: true } },
    netDevices: { enabled: true },
  };
}

/** The capabilities that both tsrun and this kernel know. */
function knownCapabilities(): readonly string[] {
  const last = Number(readTextIfThere("/proc/sys/kernel/cap_last_cap") ?? CAPABILITIES.length - 1);
  return CAPABILITIES.slice(0, last + 1);
}
