import { spawnSync } from "node:child_process";

const FLAGS = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Os", "-static"];

/** Programs that make no system call but those that they are told to. */
const WITHOUT_LIBC = new Set(["test/integration/seccomp/probe.c"]);
const NO_LIBC_FLAGS = ["-ffreestanding", "-nostdlib", "-fno-stack-protector"];

/** Compiles a C file of the project, statically, to run in any rootfs. @throws Error with the compiler's words */
export function compileProgram(project: string, source: string, output: string, compiler = "gcc"): void {
  const flags = [...FLAGS, ...(WITHOUT_LIBC.has(source) ? NO_LIBC_FLAGS : [])];
  const { status, stderr } = spawnSync(compiler, [...flags, "-o", output, source], {
    cwd: project,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(stderr);
}
