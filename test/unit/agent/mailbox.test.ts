/** A real agent, driven through a mailbox, in this process's namespaces. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Mailbox } from "../../../src/agent/mailbox.ts";
import { MailboxFile } from "../../../src/agent/mailbox-file.ts";
import { returned, wordIs } from "../../../src/agent/program.ts";
import { reap, spawnAgent } from "../../../src/agent/spawn.ts";
import { StepError } from "../../../src/agent/step-error.ts";
import type { StepResult } from "../../../src/kernel/call.ts";
import {
  CWD,
  close,
  execve,
  exitGroup,
  getpid,
  getppid,
  openat,
  prctl,
  read,
} from "../../../src/kernel/calls.ts";
import { O_DIRECTORY, O_RDONLY } from "../../../src/kernel/constants.ts";
import { ERRNO } from "../../../src/kernel/errno.ts";
import { cloneArgs } from "../../../src/kernel/structs.ts";

interface Driven extends Disposable {
  readonly stage: Mailbox;
  readonly init: Mailbox;
  readonly parked: Mailbox;
  readonly pid: number;
  alive(): boolean;
}

/** An agent on fresh mailboxes; it serves the first. Ended with the test. */
function agent(): Driven {
  const boxes = new MailboxFile();
  const { stage, init, parked } = boxes;
  const pid = spawnAgent(boxes.fd);
  let ended = false;
  const alive = () => {
    ended ||= reap(pid, false) !== null;
    return !ended;
  };
  return {
    ...{ stage, init, parked },
    pid,
    alive,
    [Symbol.dispose]() {
      if (alive()) {
        process.kill(pid, "SIGKILL");
        reap(pid, true);
      }
      boxes[Symbol.dispose]();
    },
  };
}

function done({ stage, alive }: Driven): void {
  stage.post();
  assert.equal(stage.outcomeBlocking(alive), { kind: "done" });
}

test("steps run in order, and a result is a later step's argument", () => {
  using driven = agent();
  const { program } = driven.stage;
  const file = program.add(openat(CWD, "/proc/self/comm", O_RDONLY));
  const text = program.add(read(file, { room: 64 }));
  done(driven);
  const bytes = driven.stage.filled(text).subarray(0, driven.stage.result(text));
  assert.ok(new TextDecoder().decode(bytes).trim().length > 0);
});

test("a step is past when the agent does a later one, or rests; not when it has failed or died before", async () => {
  using driven = agent();
  const { stage, alive } = driven;
  const [first, last] = [stage.program.add(getpid()), stage.program.add(getpid())];
  stage.post();
  assert.is(await stage.past(first, alive), true);
  assert.is(await stage.past(last, alive), true);
  stage.program.add(openat(CWD, "/nowhere", O_RDONLY));
  const never = stage.program.add(getpid());
  stage.post();
  assert.is(await stage.past(never, alive), false);
  using dead = agent();
  process.kill(dead.pid, "SIGKILL");
  const unreached = dead.stage.program.add(getpid());
  dead.stage.post();
  assert.is(await dead.stage.past(unreached, dead.alive), false);
});

test("results stay usable in later posts", () => {
  using driven = agent();
  const { program } = driven.stage;
  const file = program.add(openat(CWD, "/dev/zero", O_RDONLY));
  done(driven);
  const zeros = program.add(read(file, { room: 8 }));
  done(driven);
  assert.is(driven.stage.result(zeros), 8);
});

test("the first error that is not tolerated ends the program, and names its owner, call and errno", async () => {
  using driven = agent();
  const { program } = driven.stage;
  program.by("mounts[3]").add(openat(CWD, "/nonexistent/file", O_RDONLY));
  const never = program.add(prctl(15, "unreached"));
  driven.stage.post();
  const outcome = await driven.stage.outcome(driven.alive);
  assert.equal(outcome, { kind: "failed", step: 0 });
  const error = driven.stage.failure(0);
  assert.instance(error, StepError);
  assert.match(
    error.message,
    /^mounts\[3\]: openat "\/nonexistent\/file": ENOENT \(no such file or directory\)/,
  );
  assert.is(driven.stage.result(never), 0);
});

test("a tolerated errno does not end the program", () => {
  using driven = agent();
  const { program } = driven.stage;
  const missing = program.add(openat(CWD, "/nonexistent", O_RDONLY), [ERRNO.ENOENT]);
  const there = program.add(openat(CWD, "/", O_RDONLY | O_DIRECTORY));
  done(driven);
  assert.is(driven.stage.result(missing), -ERRNO.ENOENT);
  assert.ok(driven.stage.result(there) > 2);
});

test("another errno than the tolerated ones ends it", async () => {
  using driven = agent();
  driven.stage.program.add(openat(CWD, "/nonexistent", O_RDONLY), [ERRNO.EACCES, ERRNO.ENOTDIR]);
  driven.stage.post();
  assert.is((await driven.stage.outcome(driven.alive)).kind, "failed");
});

for (const path of ["/", "/nonexistent"]) {
  test(`steps for success and for failure run as it turns out: ${path}`, () => {
    using driven = agent();
    const { program } = driven.stage;
    let [whenOk, otherwise] = [{ step: -1 }, { step: -1 }];
    program.whenOk(openat(CWD, path, O_RDONLY), [ERRNO.ENOENT], () => {
      whenOk = program.add(openat(CWD, "/", O_RDONLY));
    });
    program.orElse(openat(CWD, path, O_RDONLY), [ERRNO.ENOENT], () => {
      otherwise = program.add(openat(CWD, "/", O_RDONLY));
    });
    done(driven);
    const ran = [whenOk, otherwise].map((step) => driven.stage.result(step) > 0);
    assert.equal(ran, path === "/" ? [true, false] : [false, true]);
  });
}

test("steps run, or not, after a condition on what an earlier one returned, or on a word of memory", () => {
  using driven = agent();
  const { stage } = driven;
  const { program } = stage;
  const word = stage.place(new Uint8Array(new Uint32Array([7]).buffer));
  const failed = program.add(close(12_345), [ERRNO.EBADF]);
  const conditions = [returned(failed, 0), returned(failed, -ERRNO.EBADF), wordIs(word, 7), wordIs(word, 8)];
  const opened: StepResult[] = [];
  for (const condition of conditions)
    program.whenOk(condition, [ERRNO.EAGAIN], () => {
      opened.push(program.add(openat(CWD, "/dev/null", O_RDONLY)));
    });
  done(driven);
  const ran = opened.map((step) => stage.result(step) > 2);
  assert.equal(ran, [false, true, true, false]);
});

test("steps that are posted while others run are run too", () => {
  using driven = agent();
  const { program } = driven.stage;
  const opened = [];
  for (let i = 0; i < 40; i++) {
    opened.push(program.add(openat(CWD, "/dev/null", O_RDONLY)));
    driven.stage.post();
  }
  assert.equal(driven.stage.outcomeBlocking(driven.alive), { kind: "done" });
  for (const step of opened) assert.ok(driven.stage.result(step) > 2, `step ${step.step}`);
});

test("a program grows as long as it must, and an early result is a late argument", () => {
  using driven = agent();
  const { init, stage } = driven;
  stage.program.move(init.agentAddress);
  done(driven);
  const { program } = init;
  const file = program.add(openat(CWD, "/dev/zero", O_RDONLY));
  const long = "/x".repeat(1500);
  for (let i = 0; i < 1000; i++) program.add(openat(CWD, `/${i}${long}`, O_RDONLY), [ERRNO.ENOENT]);
  const zeros = program.add(read(file, { room: 1_000_000 }));
  init.post();
  assert.equal(init.outcomeBlocking(driven.alive), { kind: "done" });
  assert.is(init.result({ step: 1000 }), -ERRNO.ENOENT);
  assert.is(init.result(zeros), 1_000_000);
  assert.is(init.filled(zeros).length, 1_000_000);
});

test("a mailbox that is cleared again and again never gets full, and nothing is left of earlier steps", () => {
  using driven = agent();
  const { stage } = driven;
  for (let round = 0; round < 200; round++) {
    stage.clear();
    const { program } = stage;
    program.add(execve("/nothing", ["an", "argument"], []), [ERRNO.ENOENT]);
    const file = program.add(openat(CWD, `/dev/${round % 2 === 0 ? "zero" : "nothing"}`, O_RDONLY), "all");
    const skipped = program.orElse(returned(file, -ERRNO.ENOENT), "all", () => {
      const zeros = program.add(read(file, { room: 2000 }));
      program.afterwards((results) => assert.is(results.result(zeros), round % 2 === 0 ? 2000 : 0));
      program.add(close(file));
    });
    done(driven);
    program.check(stage);
    assert.is(stage.result(skipped), round % 2 === 0 ? -ERRNO.EAGAIN : 0);
  }
});

test("more steps than there is room for at all are refused, by who wants them", () => {
  using driven = agent();
  const { program } = driven.parked;
  for (let i = 0; i < 47; i++) program.by(`property ${i}`).add(getpid());
  assert.throws(() => driven.parked.post(), "property 46: needs more memory than the mailbox has");
});

test("so is more data", () => {
  using driven = agent();
  driven.init.program.by("property").add(read(0, { room: 0x300_0000 }));
  driven.init.program.add(execve("/bin/true", ["x".repeat(0x100_0000)], []));
  assert.throws(() => driven.init.post(), "config.json: process.args and process.env are too long");
});

test("an agent that exits in a step is gone, and nobody waits for it", async () => {
  using driven = agent();
  driven.stage.program.add(exitGroup(0));
  driven.stage.post();
  assert.equal(await driven.stage.outcome(driven.alive), { kind: "gone" });
});

test("an agent that is killed in a step is gone, and nobody waits for it", async () => {
  using driven = agent();
  const { stage } = driven;
  stage.program.add({ name: "ppoll", args: [0, 0, 0, 0, 0] });
  stage.post();
  setTimeout(() => process.kill(driven.pid, "SIGKILL"), 20);
  await Bun.sleep(40);
  assert.equal(await stage.outcome(driven.alive), { kind: "gone" });
});

test("an agent that was killed before a post is found dead within a moment", async () => {
  using driven = agent();
  done(driven);
  process.kill(driven.pid, "SIGKILL");
  while (driven.alive()) Bun.sleepSync(1);
  driven.stage.program.add(openat(CWD, "/", O_RDONLY));
  driven.stage.post();
  const before = Date.now();
  assert.equal(await driven.stage.outcome(driven.alive), { kind: "gone" });
  assert.ok(Date.now() - before < 10_000);
});

test("a clone's child goes on as an agent on its own mailbox", async () => {
  using driven = agent();
  const { stage, init } = driven;
  const CLONE_PARENT = 0x8000;
  const child = stage.program.clone(cloneArgs(CLONE_PARENT, 0, 0), init.agentAddress);
  done(driven);
  const pid = stage.result(child);
  assert.ok(pid > 0);
  const own = init.program.add({ name: "getpid", args: [] });
  init.program.add(exitGroup(7));
  init.post();
  assert.equal(await init.outcome(() => true), { kind: "gone" });
  assert.is(init.result(own), pid);
  assert.is(reap(pid, true), 7 << 8);
});

test("an agent moves to another mailbox and goes on there", () => {
  using driven = agent();
  const { stage, parked, alive } = driven;
  stage.program.move(parked.agentAddress);
  done(driven);
  const pid = parked.program.add({ name: "getpid", args: [] });
  parked.post();
  assert.equal(parked.outcomeBlocking(alive), { kind: "done" });
  assert.is(parked.result(pid), driven.pid);
});

test("execve ends the agent's part without a failure", async () => {
  using driven = agent();
  const { stage } = driven;
  stage.program.add(execve("/bin/true", ["true"], []));
  stage.post();
  assert.equal(await stage.outcome(driven.alive), { kind: "gone" });
});

test("a traced program tells each step that ran, with its result, its time, and the rest before it", async () => {
  using driven = agent();
  const { stage } = driven;
  stage.traced = true;
  stage.program.orElse(getpid(), [], () => stage.program.add(getppid()));
  const opened = stage.program.by("somebody").add(openat(CWD, "/dev/null", O_RDONLY));
  done(driven);
  await Bun.sleep(20);
  stage.program.add(getpid());
  done(driven);
  const [first, second, third, ...more] = [...stage.ran()];
  if (first === undefined || second === undefined || third === undefined) throw new Error("three have run");
  assert.equal([first.index, second.index], [0, opened.step], "a step that was skipped did not run");
  assert.is(second.step.owner, "somebody");
  assert.ok(second.result >= 0);
  const times = [first.started, first.ended, second.started, second.ended, third.started, third.ended];
  assert.equal(
    times,
    times.toSorted((a, b) => a - b),
  );
  assert.equal([first.rested, second.rested, third.rested], [null, null, second.ended]);
  assert.ok(third.started - second.ended >= 19_000, "the rest is no work");
  assert.ok(Math.abs(first.started / 1000 - Date.now()) < 60_000, "it is the wall clock's time");
  assert.equal(more, []);
});

test("an agent that is abandoned ends, at rest or in the middle of its steps", async () => {
  for (const steps of [0, 1, 50]) {
    using one = agent();
    for (let step = 0; step < steps; step++) one.stage.program.add(getpid());
    one.stage.post();
    one.stage.abandon();
    for (let waited = 0; one.alive() && waited < 2000; waited += 10) await Bun.sleep(10);
    assert.not(one.alive(), `after ${steps} steps`);
  }
});

test.run();
