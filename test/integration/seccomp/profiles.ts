import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Bundle, bundle, type JsonObject, type Patch } from "../../harness/bundle.ts";
import { canCompile, compiled, testCompiled } from "../../harness/compile.ts";
import { ran, ranIn } from "../../harness/container.ts";
import { project, testTsrun } from "../../harness/environment.ts";
import { type Outcome, succeeded } from "../../harness/runtime.ts";

/** Of profiles so narrow that a runtime which needs calls of its own after loading them fails or hangs. */
export const testNarrow = canCompile ? testTsrun : testCompiled;

/** The program that makes one system call. */
export const probe = compiled("test/integration/seccomp/probe.c");

/** System call numbers: [x86-64, arm64]. */
const NUMBERS = {
  getpid: [39, 172],
  socket: [41, 198],
  personality: [135, 92],
  mkdirat: [258, 34],
} as const;
/** This machine's. */
export const numberOf = (name: keyof typeof NUMBERS) => NUMBERS[name][process.arch === "arm64" ? 1 : 0];

export const EPERM = 1;
export const ENOSYS = 38;
export const SIGSYS = 31;

export type Profile = JsonObject;
export const ALLOWED = { defaultAction: "SCMP_ACT_ALLOW" };
export const MKDIR = ["mkdir", "mkdirat"];

/** A profile that lets all calls pass but `names`. */
export function denying(names: readonly string[], rule: JsonObject = {}): Profile {
  return { ...ALLOWED, syscalls: [{ names, action: "SCMP_ACT_ERRNO", ...rule }] };
}

/** A profile that lets no call pass but `names`. */
export function allowing(names: readonly string[], more: JsonObject = {}): Profile {
  return { defaultAction: "SCMP_ACT_ERRNO", syscalls: [{ names, action: "SCMP_ACT_ALLOW" }], ...more };
}

/** What a script does in a container with a profile. */
export function script(text: string, seccomp: Profile, patch: Patch = {}): Outcome {
  return ran({ ...patch, args: ["sh", "-c", text], linux: { ...(patch["linux"] as JsonObject), seccomp } });
}

/** A bundle whose program is the probe. */
export function probing(args: readonly (string | number)[], seccomp: Profile, patch: Patch = {}): Bundle {
  const made = bundle({ ...patch, args: ["/probe", ...args.map(String)], linux: { seccomp } });
  copyFileSync(probe, join(made.rootfs, "probe"));
  return made;
}

/** What a system call returned to the probe. */
export function answered(args: readonly (string | number)[], seccomp: Profile, patch: Patch = {}): number {
  return Number(succeeded(ranIn(probing(args, seccomp, patch).path)).stdout);
}

/** Where the config.json files of engines are. */
const configs = join(project, "test/unit/runtime-spec/configs");

/** The profile in a config.json that an engine wrote. */
export function engineProfile(name: string): Profile {
  return JSON.parse(readFileSync(join(configs, `${name}.json`), "utf8")).linux.seccomp;
}
