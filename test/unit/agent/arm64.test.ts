/**
 * The arm64 agent under user-mode emulation: its entry, system calls, the mailbox's layout, branches and posts.
 * Robust futexes and clone3(2) are the emulator's own business and are not shown here.
 */
import { spawn, spawnSync } from "node:child_process";
import { closeSync, ftruncateSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MAILBOX, MAILBOX_ADDRESS, STEP, STEPS_OFFSET } from "../../../src/agent/layout.ts";
import { type SyscallName, syscallNumber } from "../../../src/kernel/syscall-numbers.ts";
import { testIf } from "../../harness/skip.ts";
import { waitUntil } from "../../harness/wait.ts";
import { HAS_ARM64_GCC, HAS_QEMU_ARM64 } from "./compile-c.ts";

const SOURCE = resolve(import.meta.dir, "../../../src/agent/agent.c");
const FLAGS =
  "-Os -std=gnu11 -Wall -Wextra -Werror -static -nostdlib -ffreestanding -fno-pic -no-pie -fno-stack-protector -Wl,--build-id=none,-z,noexecstack,-z,norelro,-n,-s";
const LENGTH = 65_536;
const TEXT = 0x8000;

interface EmulatedStep {
  readonly call: SyscallName;
  readonly args: readonly number[];
  /** Indexes of arguments that are results of the steps that they name. */
  readonly references?: readonly number[];
  readonly tolerated?: number;
  readonly skipOnError?: number;
}

/** The bytes of a mailbox file with these steps posted, and a C string at TEXT. */
function mailbox(steps: readonly EmulatedStep[], text: string): Uint8Array {
  const bytes = new Uint8Array(LENGTH);
  const view = new DataView(bytes.buffer);
  view.setUint32(MAILBOX.post, 1, true);
  view.setUint32(MAILBOX.end, steps.length, true);
  for (const [index, step] of steps.entries()) {
    const at = STEPS_OFFSET + index * STEP.size;
    view.setInt32(at + STEP.number, syscallNumber(step.call, "arm64"), true);
    view.setUint16(
      at + STEP.references,
      (step.references ?? []).reduce((bits, i) => bits | (1 << i), 0),
      true,
    );
    view.setUint16(at + STEP.skip_on_error, step.skipOnError ?? 0, true);
    view.setUint16(at + STEP.tolerated, step.tolerated ?? 0, true);
    for (const [i, argument] of step.args.entries())
      view.setBigInt64(at + STEP.argument + i * 8, BigInt(argument), true);
  }
  bytes.set(new TextEncoder().encode(`${text}\0`), TEXT);
  return bytes;
}

testIf(HAS_ARM64_GCC && HAS_QEMU_ARM64, "needs gcc-aarch64-linux-gnu and qemu-user")(
  "the arm64 agent runs a program: results as arguments, tolerated errnos, skips, errors",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "tsrun-arm64-"));
    const program = join(directory, "agent");
    const compiled = spawnSync("aarch64-linux-gnu-gcc", [...FLAGS.split(" "), "-o", program, SOURCE]);
    assert.is(compiled.status, 0, compiled.stderr.toString());
    const path = MAILBOX_ADDRESS + TEXT;
    const AT_FDCWD = -100;
    const [O_PATH, ENOENT, EBADF] = [0x200000, 2, 9];
    const file = openSync(join(directory, "mailbox"), "w+");
    const steps: readonly EmulatedStep[] = [
      { call: "openat", args: [AT_FDCWD, path, O_PATH, 0] },
      { call: "openat", args: [AT_FDCWD, path + 1, O_PATH, 0], tolerated: ENOENT, skipOnError: 1 },
      { call: "close", args: [777] }, // skipped
      { call: "close", args: [0], references: [0] },
      { call: "close", args: [0], references: [0] }, // closed already: ends the program
      { call: "getpid", args: [] },
    ];
    writeSync(file, mailbox(steps, directory));
    ftruncateSync(file, LENGTH);
    const emulator = spawn("qemu-aarch64", [program, "3"], { stdio: ["ignore", "inherit", "inherit", file] });
    try {
      const view = new DataView(new ArrayBuffer(LENGTH));
      const reread = () => {
        readSync(file, new Uint8Array(view.buffer), 0, LENGTH, 0);
        return view.getUint32(MAILBOX.error, true) !== 0 && view.getUint32(MAILBOX.lock, true) === 0;
      };
      await waitUntil(reread, "the agent ends its program");
      const result = (index: number) =>
        Number(view.getBigInt64(STEPS_OFFSET + index * STEP.size + STEP.result, true));
      assert.ok(result(0) > 2, `opened ${result(0)}`);
      assert.is(result(1), -ENOENT);
      assert.is(result(2), 0);
      assert.is(result(3), 0);
      assert.is(result(4), -EBADF);
      assert.is(result(5), 0);
      assert.is(view.getUint32(MAILBOX.at, true), 4);
      assert.is(view.getUint32(MAILBOX.error, true), EBADF);
    } finally {
      emulator.kill("SIGKILL");
      await new Promise((ended) => emulator.once("exit", ended));
      closeSync(file);
      rmSync(directory, { recursive: true });
    }
  },
);

test.run();
