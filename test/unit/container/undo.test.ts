import { test } from "uvu";
import * as assert from "uvu/assert";
import { Undo } from "../../../src/container/state/undo.ts";

/** What is undone, in its order, of a record, a cgroup and a process that were made one after another. */
async function undone(removeCgroup: () => void | Promise<void> = () => {}): Promise<string[]> {
  const steps: string[] = [];
  {
    await using undo = new Undo();
    undo.addRecord(() => steps.push("record"));
    undo.add(async () => {
      await removeCgroup();
      steps.push("cgroup");
    });
    undo.add(() => steps.push("process"));
  }
  return steps;
}

test("what was made last is undone first, and what tells of it at the end", async () => {
  assert.equal(await undone(), ["process", "cgroup", "record"]);
});

for (const kept of [true, false])
  test(`what is always to be done is done when all is ${kept ? "kept" : "undone"}, after that`, async () => {
    const steps: string[] = [];
    {
      await using undo = new Undo();
      undo.always(() => steps.push("always"));
      undo.add(() => steps.push("undone"));
      if (kept) undo.keep();
    }
    assert.equal(steps, kept ? ["always"] : ["undone", "always"]);
  });

test("what takes its time is waited for", async () => {
  assert.equal(await undone(() => Bun.sleep(5)), ["process", "cgroup", "record"]);
});

for (const [what, fails] of [
  ["at once", () => raise()],
  ["later", () => Bun.sleep(5).then(raise)],
] as const)
  test(`what tells of something that could not be removed stays, if that failed ${what}`, async () => {
    assert.equal(await undone(fails), ["process"]);
  });

function raise(): never {
  throw new Error("busy");
}

test.run();
