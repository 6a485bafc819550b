/** `tsrun seccomp`, and what the kernel says to its answers. */
import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { ERRNO, type ErrnoName } from "../../../src/kernel/errno.ts";
import { NATIVE_AUDIT_ARCH, SECCOMP_RET_ALLOW } from "../../../src/kernel/seccomp.ts";
import { findLibrary, LibseccompFilter } from "../../../src/linux/seccomp/libseccomp.ts";
import { bundle } from "../../harness/bundle.ts";
import { compiled, testCompiled } from "../../harness/compile.ts";
import { ranIn } from "../../harness/container.ts";
import { freshDirectory, project, testTsrun } from "../../harness/environment.ts";
import { type Outcome, runtime, succeeded } from "../../harness/runtime.ts";
import { testIf } from "../../harness/skip.ts";
import type { Profile } from "./profiles.ts";

export const isX64 = process.arch === "x64";
/** Of what the kernel does, seen by a program that makes the calls. */
export const testKernel = testCompiled;
/** The ways in which processes of this machine can make system calls, its own first. */
export const ARCHITECTURES = isX64
  ? ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
  : ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"];
export const testX64 = isX64 ? testTsrun : testIf(false, "asks about x86-64, x86 and x32");

/** A call, of those that an answer is about, on one architecture. */
export interface Example {
  readonly architecture: string;
  readonly arch: number;
  readonly number: number;
  readonly args: readonly string[];
}

export interface Verdict {
  readonly action: string;
  readonly errno?: string;
}

interface Told extends Verdict {
  readonly asked: string;
  readonly call: string;
  readonly wayRound?: string;
  readonly if?: string;
  readonly rule: string;
  readonly architectures: readonly string[];
  readonly examples: readonly Example[];
}

/** A file with a profile. */
export function profileFile(profile: Profile): string {
  const path = join(freshDirectory("profile"), "profile.json");
  writeFileSync(path, JSON.stringify(profile));
  return path;
}

export const config = (name: string) => join(project, `test/unit/runtime-spec/configs/${name}.json`);
export const PODMAN_PROFILE = join(project, "test/integration/seccomp/podman-profile.json");

/** The calls that a profile names, as far as libseccomp knows them. */
export function namesIn(file: string): readonly string[] {
  const value = JSON.parse(readFileSync(file, "utf8"));
  const { syscalls } = value.linux?.seccomp ?? value;
  const names = new Set<string>(
    syscalls.flatMap((entry: { readonly names: readonly string[] }) => entry.names),
  );
  using library = new LibseccompFilter(findLibrary().path, SECCOMP_RET_ALLOW);
  return [...names].filter((name) => library.resolve(NATIVE_AUDIT_ARCH, name) !== -1).sort();
}

export const ask = (...args: readonly string[]): Outcome => runtime(["seccomp", ...args]);

/** The answers to calls; fails where there are none. */
export function told(file: string, ...calls: readonly string[]): readonly Told[] {
  const { stdout, stderr } = ask("--json", "--profile", file, ...calls);
  assert.is(stderr, "");
  return JSON.parse(stdout).calls;
}

/** `allow`, `EPERM`, …: the verdict on a call itself, by architecture. */
export function verdicts(file: string, call: string): Readonly<Record<string, string>> {
  const own = told(file, call).filter(({ wayRound }) => wayRound === undefined);
  return Object.fromEntries(
    own.flatMap(({ action, errno, architectures }) => architectures.map((name) => [name, errno ?? action])),
  );
}

/** Which of the answers the kernel contradicts, to a process with a filter; calls that it lacks, or asks no filter about, count for nothing. */
export function contradicted(answers: readonly Said[], filtered: Filtered): readonly string[] {
  const asked = answers.flatMap((one) => one.examples.map((example) => ({ one, example })));
  const lines = asked.map(({ example: { arch, number, args } }) =>
    [arch, number]
      .map((one) => one.toString(16))
      .concat(args)
      .join(" "),
  );
  const said = filtered(`${lines.join("\n")}\n`)
    .trim()
    .split("\n");
  assert.is(said.length, asked.length, said.slice(-3).join("\n"));
  return asked.flatMap(({ one, example }, index) => {
    const found = (said[index] ?? "").replace(/^trace .*/, "trace");
    if (["none", "unfiltered"].includes(found) || found === expected(one)) return [];
    return [`${one.call} on ${example.architecture}: ${found}, not ${expected(one)} (${lines[index]})`];
  });
}

/** What is said of calls. */
interface Said extends Verdict {
  readonly call: string;
  readonly examples: readonly Example[];
}

/** Gives what kernel-verdicts.c prints for calls. */
type Filtered = (calls: string) => string;

/** Made when it is needed. */
const program = () => compiled("test/integration/seccomp/kernel-verdicts.c");

/** In a container with the profile of a config.json. */
export function inContainer(seccomp: Profile): Filtered {
  return (calls) => {
    const made = bundle({ args: ["/kernel-verdicts", "/calls"], linux: { seccomp } });
    copyFileSync(program(), join(made.rootfs, "kernel-verdicts"));
    writeFileSync(join(made.rootfs, "calls"), calls);
    return succeeded(ranIn(made.path)).stdout;
  };
}

/** With a compiled filter. */
export function withFilter(filter: Uint8Array): Filtered {
  return (calls) => {
    const directory = freshDirectory("filter");
    writeFileSync(join(directory, "filter"), filter);
    writeFileSync(join(directory, "calls"), calls);
    const files = [join(directory, "calls"), join(directory, "filter")];
    const { status, stdout, stderr } = spawnSync(program(), files, { encoding: "utf8" });
    assert.is(status, 0, stderr);
    return stdout;
  };
}

function expected({ action, errno = "" }: Verdict): string {
  if (action === "errno") return `errno ${ERRNO[errno as ErrnoName] ?? errno.replace("errno ", "")}`;
  if (action === "log") return "allow";
  return action.startsWith("kill") ? "killed" : action;
}
