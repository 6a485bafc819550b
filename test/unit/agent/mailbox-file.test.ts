/** Mailbox files that come and go, as in a process that makes many containers. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { MAILBOX } from "../../../src/agent/layout.ts";
import { follow, MailboxFile } from "../../../src/agent/mailbox-file.ts";
import { getpid, read } from "../../../src/kernel/calls.ts";
import { FUTEX_OWNER_DIED } from "../../../src/kernel/constants.ts";

/** What this process holds. */
function held() {
  Bun.gc(true);
  return {
    mappings: readFileSync("/proc/self/maps", "utf8").match(/tsrun-mailbox/g)?.length ?? 0,
    descriptors: readdirSync("/proc/self/fd").length,
    resident: Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1]),
  };
}

/** Uses a mailbox file beyond its beginning, and gives it back. */
function used(): void {
  using boxes = new MailboxFile({ hasHost: true });
  for (const { program } of [boxes.init, boxes.parked]) program.add(read(0, { room: 300_000 }));
  for (let step = 0; step < 600; step++) boxes.init.program.add(getpid());
  boxes.init.prepare();
  boxes.parked.prepare();
  assert.is(boxes.init.filled({ step: 0 }).length, 300_000);
}

test("2000 mailbox files that were given back leave neither mapping, descriptor nor memory", () => {
  for (let round = 0; round < 200; round++) used();
  const before = held();
  for (let round = 0; round < 2000; round++) used();
  const after = held();
  assert.is(after.mappings, 0);
  assert.is(after.descriptors, before.descriptors);
  assert.ok(after.resident - before.resident < 20_000, `${before.resident} kB became ${after.resident} kB`);
});

test("a file that takes the place of an earlier one in the address space shares nothing with it", () => {
  const first = new MailboxFile();
  const { address } = first;
  first.at(0x100, 0x104).set([1, 2, 3, 4]);
  first[Symbol.dispose]();
  using second = new MailboxFile();
  using third = new MailboxFile();
  assert.is(second.address, address);
  assert.is.not(third.address, address);
  assert.equal([...second.at(0x100, 0x104)], [0, 0, 0, 0]);
  second.at(0x100, 0x104).set([5, 6, 7, 8]);
  assert.equal([...third.at(0x100, 0x104)], [0, 0, 0, 0]);
});

test("a mailbox that was given back is no longer used", () => {
  const boxes = new MailboxFile();
  const step = boxes.init.program.add(getpid());
  boxes.init.prepare();
  boxes[Symbol.dispose]();
  const uses = [
    () => boxes.init.result(step),
    () => boxes.init.filled(step),
    () => boxes.init.place(new Uint8Array(8)),
    () => boxes.init.run(0, 1),
    () => boxes.init.outcomeBlocking(() => true),
    () => boxes.init.errno,
    () => [...boxes.init.ran(true)],
  ];
  for (const use of uses) assert.throws(use, "a mailbox is used after its memory was given back");
  boxes[Symbol.dispose]();
});

test("who follows new mailboxes can read them a last time before they are given back", () => {
  const found: string[] = [];
  const unfollow = follow(({ init }) => {
    init.traced = true;
    return () => found.push(...[...init.ran(true)].map(({ step }) => step.call.name));
  });
  try {
    using boxes = new MailboxFile();
    boxes.init.program.add(getpid());
    boxes.init.prepare();
  } finally {
    unfollow();
  }
  assert.equal(found, ["getpid"]);
});

/** Runs life/kill-at.ts, which is killed at that moment; the mailbox files that it had then, and what each says of it. */
function killedAt(moment: number) {
  const directory = mkdtempSync(join(tmpdir(), "tsrun-life-"));
  try {
    const script = join(import.meta.dir, "life/kill-at.ts");
    const { stdout, signal, stderr } = spawnSync(process.execPath, [script, directory, `${moment}`]);
    assert.is(stderr.toString(), "");
    const live = new Set<string>();
    for (const [, sign, name = ""] of stdout.toString().matchAll(/([+-])(\w)/g))
      if (sign === "+") live.add(name);
      else live.delete(name);
    const word = (name: string) => readFileSync(join(directory, name)).readUInt32LE(MAILBOX.keeper);
    return { isKilled: signal === "SIGKILL", words: [...live].map((name) => [name, word(name)]) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test("whenever tsrun is killed, the kernel notes it in every mailbox file that is in use", () => {
  let most = 0;
  for (let moment = 1; ; moment++) {
    const { isKilled, words } = killedAt(moment);
    if (!isKilled) break;
    assert.equal(
      words,
      words.map(([name]) => [name, FUTEX_OWNER_DIED]),
      `killed at moment ${moment}`,
    );
    most = Math.max(most, words.length);
  }
  assert.is(most, 3);
});

test.run();
