import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as constants from "../../../src/kernel/constants.ts";
import { ERRNO } from "../../../src/kernel/errno.ts";
import { SIGNALS } from "../../../src/kernel/signals.ts";
import { FAMILIES } from "../../../src/kernel/spell/families.ts";
import { signalSet } from "../../../src/kernel/structs.ts";
import { NUMBERS, type SyscallName, syscallNumber } from "../../../src/kernel/syscall-numbers.ts";
import { testIf } from "../../harness/skip.ts";
import { evaluateInC, HAS_GCC } from "../agent/compile-c.ts";

const X64 = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h";
const ARM64 = "/usr/aarch64-linux-gnu/include/asm-generic/unistd.h";
const ARM64_SIGNALS = "/usr/aarch64-linux-gnu/include/asm-generic/signal.h";

/** `#define __NR_x 5` lines of a kernel header; later ones, and `__NR3264_`, count too. */
function numbersIn(header: string): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  for (const [, name = "", number] of readFileSync(header, "utf8").matchAll(
    /^#define __NR(?:3264)?_(\w+)\s+(\d+)/gm,
  ))
    if (!numbers.has(name)) numbers.set(name, Number(number));
  return numbers;
}

for (const [architecture, header] of [
  ["x64", X64],
  ["arm64", ARM64],
] as const) {
  testIf(existsSync(header), `needs the kernel's headers for ${architecture}`)(
    `every system call has its number on ${architecture}`,
    () => {
      const numbers = numbersIn(header);
      for (const name of Object.keys(NUMBERS) as SyscallName[]) {
        // keys of a const table
        const known = numbers.get(name);
        // Headers may be older than a call; its number is the same on both architectures then.
        if (known === undefined) assert.is(syscallNumber(name, "x64"), syscallNumber(name, "arm64"), name);
        else assert.is(syscallNumber(name, architecture), known, name);
      }
    },
  );
}

const testWithGcc = testIf(HAS_GCC, "needs gcc");

testWithGcc("errno values are the headers'", () => {
  const inC = evaluateInC(["<errno.h>"], Object.keys(ERRNO));
  for (const [name, value] of Object.entries(ERRNO)) assert.is(inC.get(name), value, name);
});

testWithGcc("signals have the headers' numbers", () => {
  const inC = evaluateInC(["<signal.h>"], Object.keys(SIGNALS));
  for (const [name, value] of Object.entries(SIGNALS)) assert.is(inC.get(name), value, name);
});

testIf(existsSync(ARM64_SIGNALS), "needs the kernel's headers for arm64")(
  "signals have the same numbers on arm64",
  () => {
    const theirs = new Map(
      [...readFileSync(ARM64_SIGNALS, "utf8").matchAll(/^#define (SIG\w+)\s+(\w+)/gm)].map(
        ([, name = "", value = ""]) => [name, value],
      ),
    );
    for (const [name, value] of Object.entries(SIGNALS))
      if (/^\d+$/.test(theirs.get(name) ?? "") && name !== "SIGRTMIN")
        assert.is(Number(theirs.get(name)), value, name);
  },
);

test("a set of signals has a bit for each, that of signal 1 the lowest", () => {
  const { SIGHUP, SIGSTKFLT, SIGRTMIN, SIGRTMAX } = SIGNALS;
  const bytes = signalSet([SIGHUP, SIGSTKFLT, SIGRTMIN, SIGRTMAX]);
  assert.is(new DataView(bytes.buffer).getBigUint64(0, true), 0x8000_0002_0000_8001n);
});

const HEADERS = [
  "<fcntl.h>",
  "<poll.h>",
  "<sched.h>",
  "<signal.h>",
  "<stddef.h>",
  "<sys/file.h>",
  "<sys/mman.h>",
  "<sys/socket.h>",
  "<sys/stat.h>",
  "<sys/wait.h>",
  "<unistd.h>",
  "<linux/bpf.h>",
  "<linux/capability.h>",
  "<linux/futex.h>",
  "<linux/magic.h>",
  "<linux/landlock.h>",
  "<linux/memfd.h>",
  "<linux/mount.h>",
  "<linux/nsfs.h>",
  "<linux/openat2.h>",
  "<linux/prctl.h>",
  "<linux/sched.h>",
  "<linux/seccomp.h>",
  "<linux/keyctl.h>",
  "<linux/mempolicy.h>",
  "<linux/personality.h>",
  "<linux/sockios.h>",
  "<sys/ioctl.h>",
  "<sys/resource.h>",
];

/** Names that tsrun chose itself, and those that Debian's headers may lack. */
const OURS = new Set(["F_SEAL_ALL", "CAPABILITY_VERSION"]);

testWithGcc("constants have the headers' values", () => {
  const names = Object.keys(constants).filter((name) => !OURS.has(name));
  // Debian's headers are older than some names; those that are enumerators are no macros either.
  const checks = names.map(
    (name) => `
#ifdef ${name}
printf("${name} %lld\\n", (long long)${name});
#endif`,
  );
  const known = definedInC(checks);
  assert.ok(
    known.size > names.length * 0.7,
    `only ${known.size} of ${names.length} are known to the headers`,
  );
  for (const [name, value] of known) {
    const ours: unknown = (constants as Record<string, unknown>)[name]; // by the name just listed
    assert.is(ours, value < 0 && Number(ours) > 0 ? value + 2 ** 32 : value, name);
  }
});

/** What of the families the headers have as macros, not as enumerators. */
testWithGcc("the families that calls are printed with have the headers' values", () => {
  const members = Object.values(FAMILIES).flat();
  const known = definedInC(
    members.map(([name]) => `\n#ifdef ${name}\nprintf("${name} %lld\\n", (long long)(${name}));\n#endif`),
  );
  assert.ok(known.size > members.length * 0.7, `only ${known.size} of ${members.length} are known`);
  for (const [name, value] of members) {
    const theirs = known.get(name);
    if (theirs !== undefined) assert.is(BigInt.asUintN(32, BigInt(theirs)), BigInt.asUintN(32, value), name);
  }
});

test("within a family each value has one name", () => {
  for (const [name, family] of Object.entries(FAMILIES)) {
    const values = family.map(([, value]) => value);
    assert.ok(values.length > 0, `${name} is empty`);
    assert.is(new Set(values).size, values.length, name);
  }
});

function definedInC(checks: readonly string[]): ReadonlyMap<string, number> {
  const directory = mkdtempSync(join(tmpdir(), "tsrun-c-"));
  try {
    const source = [
      "#define _GNU_SOURCE",
      ...HEADERS.map((header) => `#include ${header}`),
      "#include <stdio.h>",
      "int main(void) {",
      ...checks,
      "return 0; }",
    ];
    writeFileSync(join(directory, "c.c"), source.join("\n"));
    const compiled = spawnSync("gcc", ["-w", "-o", join(directory, "c"), join(directory, "c.c")]);
    if (compiled.status !== 0) throw new Error(compiled.stderr.toString());
    const printed = spawnSync(join(directory, "c")).stdout.toString().trim().split("\n");
    return new Map(printed.map((line) => [line.split(" ")[0] ?? "", Number(line.split(" ")[1])]));
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test.run();
