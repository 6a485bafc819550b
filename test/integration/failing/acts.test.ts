// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Container, created, started } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { eachCall } from "./each-call.ts";
import { compileFailing, failingAt } from "./runtime.ts";

test.before(compileFailing);

/** What a verb does, when it says that it has succeeded, to a container. */
const ACTS = [
  { verb: "start", make: created, words: [], status: "running" },
  { verb: "exec", make: started, words: ["true"], status: "running" },
  { verb: "pause", make: started, words: [], status: "paused" },
  { verb: "kill", make: started, words: ["KILL"], status: "stopped" },
  { verb: "delete --force", make: started, words: [], status: null },
] as const;

/** Null for a container that there is not. */
function statusOf(box: Container): string | null {
  const { status, stdout } = box.call("state");
  return status === 0 ? JSON.parse(stdout).status : null;
}

for (const { verb, make, words, status } of ACTS) {
  testTsrun(`after a ${verb} of which any system call fails the container can be deleted`, async () => {
    await eachCall((place) => {
      using box = make({ args: ["sleep", "60"] });
      const ended = failingAt(place, [...verb.split(" "), box.id, ...words]);
      let found = statusOf(box);
      // What was killed may take a moment to end.
      for (let left = 100; left > 0 && ended.status === 0 && found !== status; left--) {
        Bun.sleepSync(20);
        found = statusOf(box);
      }
      if (ended.status === 0) assert.is(found, status, `${place}`);
      return ended;
    });
  });
}

leavesNothing();
test.run();
