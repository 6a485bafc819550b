import { CString, dlopen, FFIType, ptr } from "bun:ffi";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as constants from "../../../../src/kernel/seccomp.ts";
import { seccompFeatures } from "../../../../src/linux/seccomp/features.ts";
import { ARCHITECTURES } from "../../../../src/linux/seccomp/tables.ts";
import { testIf } from "../../../harness/skip.ts";

const testGcc = testIf(Bun.which("gcc") !== null, "needs gcc and the kernel's headers");

test("architectures are libseccomp's tokens, as far as it knows them", () => {
  const { seccomp_arch_resolve_name: resolve } = dlopen("libseccomp.so.2", {
    seccomp_arch_resolve_name: { args: [FFIType.ptr], returns: FFIType.u32 },
  }).symbols;
  let known = 0;
  for (const [name, token] of Object.entries(ARCHITECTURES)) {
    const text = new TextEncoder().encode(`${name.replace("SCMP_ARCH_", "").toLowerCase()}\0`);
    const resolved = resolve(ptr(text));
    if (resolved === 0) continue;
    known += 1;
    assert.is(token, resolved, `${name}, ${new CString(ptr(text))}`);
  }
  assert.ok(known >= 19);
});

testGcc("constants are the kernel's", () => {
  const names = Object.entries(constants)
    .filter(
      ([name, value]) =>
        /^(SECCOMP_(FILTER|RET)_|AUDIT_ARCH_|BPF_MAXINSNS)/.test(name) && typeof value === "number",
    )
    .map(([name]) => name);
  const codes = {
    BPF_LD_W_ABS: "BPF_LD | BPF_W | BPF_ABS",
    BPF_ALU_AND_K: "BPF_ALU | BPF_AND | BPF_K",
    BPF_JMP_JA: "BPF_JMP | BPF_JA",
    BPF_JMP_JEQ_K: "BPF_JMP | BPF_JEQ | BPF_K",
    BPF_JMP_JGT_K: "BPF_JMP | BPF_JGT | BPF_K",
    BPF_JMP_JGE_K: "BPF_JMP | BPF_JGE | BPF_K",
    BPF_JMP_JSET_K: "BPF_JMP | BPF_JSET | BPF_K",
    BPF_RET_K: "BPF_RET | BPF_K",
  };
  const expected = { ...Object.fromEntries(names.map((name) => [name, name])), ...codes };
  const ours = new Map<string, unknown>(Object.entries(constants));
  for (const [name, value] of Object.entries(inC(expected))) assert.is(ours.get(name), value, name);
});

/** The values that C expressions have, by their names. */
function inC(expressions: Readonly<Record<string, string>>): Record<string, number> {
  const lines = Object.entries(expressions).map(
    ([name, text]) => `printf("${name} %u\\n", (unsigned) (${text}));`,
  );
  const headers = ["stdio.h", "linux/seccomp.h", "linux/filter.h", "linux/audit.h"];
  const source = `${headers.map((name) => `#include <${name}>\n`).join("")}int main(void) { ${lines.join("\n")} }`;
  const directory = mkdtempSync(join(tmpdir(), "tsrun-seccomp-"));
  try {
    const program = join(directory, "values");
    const compiled = Bun.spawnSync(["gcc", "-x", "c", "-o", program, "-"], { stdin: Buffer.from(source) });
    assert.is(compiled.exitCode, 0, compiled.stderr.toString());
    const printed = Bun.spawnSync([program]).stdout.toString().trim().split("\n");
    return Object.fromEntries(printed.map((line) => [line.split(" ")[0] ?? "", Number(line.split(" ")[1])]));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("features lists what the tables have", () => {
  const { actions, operators, archs, knownFlags, supportedFlags } = seccompFeatures();
  assert.ok(actions?.includes("SCMP_ACT_NOTIFY"));
  assert.is(operators?.length, 7);
  assert.is(archs?.length, 23);
  assert.is(knownFlags?.length, 4);
  assert.ok(supportedFlags?.includes("SECCOMP_FILTER_FLAG_LOG"));
});

test.run();
