/** What entry.c does before a program, in front of a C program instead of Bun; for arm64 under emulation. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { testIf } from "../../harness/skip.ts";
import { HAS_ARM64_GCC, HAS_GCC, HAS_QEMU_ARM64 } from "../agent/compile-c.ts";

const PROJECT = resolve(import.meta.dir, "../../..");
const ENTRY = join(PROJECT, "src/entry");

const SAY = `
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>
static __thread int own = 5;
static void *work(void *from) { own = 6; return from; }
static void end(void) { puts("end"); }
int main(int count, char **words)
{
	char here[64] = "";
	unsigned long *notes = (unsigned long *)getauxval(AT_FLAGS);
	pthread_t thread;
	void *got = 0;
	atexit(end);
	pthread_create(&thread, 0, work, words);
	pthread_join(thread, &got);
	getcwd(here, sizeof here);
	printf("%lu %lx %lx %d %s %s %s %d %.1f %ld\\n", notes[0], notes[1], notes[2], count, words[1], here, getenv("WORD"),
	       own + (got == words), sqrt(count * 8.0), sysconf(_SC_PAGESIZE));
}`;

const FLAGS = [
  ...["-Os", "-std=gnu11", "-static", "-nostdlib", "-ffreestanding", "-fpie", "-fvisibility=hidden"],
  ...["-fno-stack-protector", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-fno-jump-tables"],
  ...["-no-pie", "-Wl,--build-id=none,-z,noexecstack,-T,src/entry/entry.ld"],
];

const MACHINES = [
  {
    name: "x86-64",
    compiler: "gcc",
    emulator: "",
    extra: ["-fcf-protection=none"],
    here: HAS_GCC && process.arch === "x64",
  },
  {
    name: "arm64",
    compiler: "aarch64-linux-gnu-gcc",
    emulator: "qemu-aarch64 -L /usr/aarch64-linux-gnu ",
    extra: [],
    here: HAS_ARM64_GCC && HAS_QEMU_ARM64,
  },
] as const;

/** A dynamic program with the entry code in front of it, as bin/tsrun has it. */
function entered(directory: string, compiler: string, extra: readonly string[]): string {
  const [code = "", main = "", program = ""] = ["entry", "main.c", "program"].map((file) =>
    join(directory, file),
  );
  const run = (command: string, args: readonly string[]) => {
    const { status, stderr } = spawnSync(command, args, { cwd: PROJECT, encoding: "utf8" });
    assert.is(status, 0, stderr);
  };
  writeFileSync(main, SAY);
  const sources = ["entry.S", "entry.c", "client.c"].map((file) => join(ENTRY, file));
  run(compiler, [...FLAGS, ...extra, "-o", `${code}.elf`, ...sources]);
  run(compiler.replace(/gcc$/, "objcopy"), ["-O", "binary", "-j", ".text", `${code}.elf`, code]);
  run(compiler, ["-no-pie", "-o", program, main, "-lm", "-lpthread"]);
  run(process.execPath, [join(ENTRY, "patch.ts"), program, code]);
  return program;
}

for (const { name, compiler, emulator, extra, here } of MACHINES)
  testIf(here, `needs gcc${emulator === "" ? "" : " and qemu-user"} for ${name}`)(
    `the entry loads a program as the kernel does, and notes the soft limit and the open descriptors, on ${name}`,
    () => {
      const directory = mkdtempSync(join(tmpdir(), "tsrun-entry-"));
      try {
        const program = entered(directory, compiler, extra);
        const said = (set: string) =>
          spawnSync("sh", [
            "-c",
            `cd /usr && ${set} WORD=x exec ${emulator}${program} word`,
          ]).stdout.toString();
        assert.match(said("ulimit -Sn 77;"), /^77 [0-9a-f]+ [0-9a-f]+ 2 word \/usr x 6 4\.0 \d+\nend\n$/);
        const [, , build = ""] = said("").split(" ");
        assert.ok(BigInt(`0x${build}`) !== 0n);
        const bits = (text: string) => BigInt(`0x${text.split(" ")[1]}`);
        const open = [3, 4, 5, 6, 7, 9].map((fd) => `${fd}</dev/null`).join(" ");
        assert.is(bits(said(`exec ${open} 8<&-;`)) & 0x7fn, 0b101_1111n);
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
  );

test.run();
