import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const HAS_GCC = spawnSync("gcc", ["--version"]).status === 0;
export const HAS_ARM64_GCC = spawnSync("aarch64-linux-gnu-gcc", ["--version"]).status === 0;
export const HAS_QEMU_ARM64 = spawnSync("qemu-aarch64", ["--version"]).status === 0;

/** A C program that prints `NAME VALUE` lines for integer expressions; returns what it printed, by name. */
export function evaluateInC(
  headers: readonly string[],
  expressions: readonly string[],
  flags: readonly string[] = [],
): ReadonlyMap<string, number> {
  const directory = mkdtempSync(join(tmpdir(), "tsrun-c-"));
  try {
    const lines = expressions.map(
      (expression) => `printf("%s %lld\\n", "${expression}", (long long)(${expression}));`,
    );
    const source = [
      ...headers.map((header) => `#include ${header}`),
      "#include <stdio.h>",
      `int main(void) { ${lines.join("\n")} return 0; }`,
    ];
    writeFileSync(join(directory, "c.c"), source.join("\n"));
    const compiled = spawnSync("gcc", [
      "-D_GNU_SOURCE",
      ...flags,
      "-o",
      join(directory, "c"),
      join(directory, "c.c"),
    ]);
    if (compiled.status !== 0) throw new Error(compiled.stderr.toString());
    const printed = spawnSync(join(directory, "c")).stdout.toString().trim().split("\n");
    return new Map(
      printed.map((line) => [
        line.slice(0, line.lastIndexOf(" ")),
        Number(line.slice(line.lastIndexOf(" ") + 1)),
      ]),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}
