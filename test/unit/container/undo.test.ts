import { test } from "uvu";
import * as assert from "uvu/assert";
import { Undo } from "../../../src/container/state/undo.ts";

/** What is undone, in its order, of a record, a cgroup and a process that were made one after another. */
function undone(removeCgroup: () => void = () => {}): string[] {
  const steps: string[] = [];
  {
    using undo = new Undo();
    undo.addRecord(() => steps.push("record"));
    undo.add(() => {
      removeCgroup();
      steps.push("cgroup");
    });
    undo.add(() => steps.push("process"));
  }
  return steps;
}

test("what was made last is undone first, and what tells of it at the end", () => {
  assert.equal(undone(), ["process", "cgroup", "record"]);
});

for (const kept of [true, false])
  test(`what is always to be done is done when all is ${kept ? "kept" : "undone"}, after that`, () => {
    const steps: string[] = [];
    {
      using undo = new Undo();
      undo.always(() => steps.push("always"));
      undo.add(() => steps.push("undone"));
      if (kept) undo.keep();
    }
    assert.equal(steps, kept ? ["always"] : ["undone", "always"]);
  });

test("what tells of something that could not be removed stays", () => {
  const fails = () => {
    throw new Error("busy");
  };
  assert.equal(undone(fails), ["process"]);
});

test.run();
