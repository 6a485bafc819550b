/** What entry.S finds out about its caller, in front of a C program instead of Bun; for arm64 under emulation. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { testIf } from "../../harness/skip.ts";
import { HAS_ARM64_GCC, HAS_GCC, HAS_QEMU_ARM64 } from "../agent/compile-c.ts";

const SOURCE = resolve(import.meta.dir, "../../../src/entry/entry.S");

const SAY = `
#include <stdio.h>
#include <sys/auxv.h>
#include <unistd.h>
/* client.c has tests of its own. */
void hand_over(const unsigned long *stack) { (void)stack; }
int main(int count, char **words)
{
	char here[64] = "";
	getcwd(here, sizeof here);
	printf("%lu %lx %d %s %s\\n", getauxval(AT_FLAGS), getauxval(AT_CLKTCK), count, words[1], here);
}`;

/** entry.S with the jump aimed at a C program's start, as patch.ts aims it at Bun's. */
function aimed(): string {
  const text = readFileSync(SOURCE, "utf8").replaceAll("_start", "before_start");
  const jump = "bun:\t.quad\t0\n";
  assert.ok(text.includes(jump));
  return text.replace(jump, "bun:\t.quad\t_start\n");
}

const MACHINES = [
  { name: "x86-64", compiler: "gcc", emulator: "", here: HAS_GCC && process.arch === "x64" },
  {
    name: "arm64",
    compiler: "aarch64-linux-gnu-gcc",
    emulator: "qemu-aarch64 ",
    here: HAS_ARM64_GCC && HAS_QEMU_ARM64,
  },
] as const;

for (const { name, compiler, emulator, here } of MACHINES)
  testIf(here, `needs gcc${emulator === "" ? "" : " and qemu-user"} for ${name}`)(
    `the entry notes the soft limit and the open descriptors on ${name}`,
    () => {
      const directory = mkdtempSync(join(tmpdir(), "tsrun-entry-"));
      try {
        const [entry, main, program] = ["entry.S", "main.c", "program"].map((file) => join(directory, file));
        writeFileSync(entry ?? "", aimed());
        writeFileSync(main ?? "", SAY);
        const flags = ["-static", "-Wl,-e,before_start", "-o", program ?? ""];
        const compiled = spawnSync(compiler, [...flags, entry ?? "", main ?? ""]);
        assert.is(compiled.status, 0, compiled.stderr.toString());
        const said = (set: string) =>
          spawnSync("sh", ["-c", `cd /usr && ${set} exec ${emulator}${program} word`]).stdout.toString();
        assert.match(said("ulimit -Sn 77;"), /^77 [0-9a-f]+ 2 word \/usr\n$/);
        const bits = (text: string) => BigInt(`0x${text.split(" ")[1]}`);
        const open = [3, 4, 5, 6, 7, 9].map((fd) => `${fd}</dev/null`).join(" ");
        assert.is(bits(said(`exec ${open} 8<&-;`)) & 0x7fn, 0b101_1111n);
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
  );

test.run();
