// Runs beside other files.
// /dev/console is the container's own terminal or nothing, whatever an image has there or puts there meanwhile.
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, type JsonObject } from "../../harness/bundle.ts";
import { ranIn } from "../../harness/container.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { OBSTACLES } from "../../harness/obstacles.ts";
import { hostile, outside, rightOrRefused, SECRET } from "../../harness/outside.ts";
import { complaint } from "../../harness/runtime.ts";
import { swapping } from "../../harness/swapping.ts";

const RUNS = 8;

/** /dev is the image's own directory; only its devpts is the container's. */
const MOUNTS: readonly JsonObject[] = [
  { destination: "/proc", type: "proc", source: "proc" },
  { destination: "/dev/pts", type: "devpts", source: "devpts", options: ["newinstance", "ptmxmode=0666"] },
];

/** A bundle with a terminal, whose program says what is mounted and what /dev/console is. */
function withTerminal() {
  const script = "grep -c ' /proc/.* - devpts' /proc/self/mountinfo; stat -L -c %F:%t /dev/console; tty";
  const made = bundle({ args: ["sh", "-c", script], process: { terminal: true }, mounts: MOUNTS });
  mkdirSync(join(made.rootfs, "dev"), { recursive: true });
  return made;
}

/** Nothing of proc is covered, and the console is a pseudoterminal (major 136, 0x88), as the standard streams are. */
const RIGHT = /^0\ncharacter special file:88\n\/dev\/(pts\/0|console)\n$/;

for (const target of [
  ...["/", "..", "console", "/etc/passwd", "/not/there", outside, `../../../../../..${outside}/secret`],
  ...[
    "/proc/self/fd/0",
    "/proc/self/exe",
    "/proc/self/attr/exec",
    "/proc/sys/kernel/core_pattern",
    "/proc/1/root",
  ],
]) {
  hostile(`a terminal where the image has a link from /dev/console to ${target} (CVE-2025-52565)`, () => {
    const { path, rootfs } = withTerminal();
    symlinkSync(target, join(rootfs, "dev/console"));
    rightOrRefused(ranIn(path, { input: "" }), RIGHT);
  });
}

hostile("a link from /dev/console to another device of the container is refused: it would be covered", () => {
  for (const target of ["null", "pts/ptmx"]) {
    const { path, rootfs } = withTerminal();
    symlinkSync(target, join(rootfs, "dev/console"));
    assert.match(complaint(ranIn(path, { input: "" })), /process\.terminal \(\/dev\/console\).*ELOOP/);
  }
});

for (const [obstacle, put] of Object.entries(OBSTACLES)) {
  hostile(`a terminal where the image has a ${obstacle} at /dev/console`, () => {
    const { path, rootfs } = withTerminal();
    put(join(rootfs, "dev/console"));
    rightOrRefused(ranIn(path, { input: "" }), RIGHT);
  });
}

for (const target of [
  `../../../../../../..${outside}/secret`,
  "/proc/self/attr/exec",
  "/proc/sysrq-trigger",
]) {
  hostile(
    `/dev/console is exchanged with a link to ${target} while its container is made (CVE-2025-52565)`,
    async () => {
      const { path, rootfs } = withTerminal();
      writeFileSync(join(rootfs, "dev/console"), "");
      symlinkSync(target, join(rootfs, "dev/link"));
      await using swap = await swapping(join(rootfs, "dev"), "console", "link");
      for (let run = 0; run < RUNS; run++) {
        swap.resume();
        const outcome = ranIn(path, { input: "" });
        swap.pause();
        assert.is.not(outcome.status, null);
        assert.not(outcome.stdout.includes(SECRET));
        if (outcome.stderr === "") assert.match(outcome.stdout, /^0\n/);
        else assert.match(outcome.stderr, /^tsrun: error: (config\.json: |process\.)[^\n]+\n$/);
      }
    },
  );
}

leavesNothing();
test.run();
