// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { created, started } from "../harness/container.ts";
import { testTsrun } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { eachCall } from "./failing/each-call.ts";
import { compileFailing, failingAt } from "./failing/runtime.ts";

test.before(compileFailing);

/** What a verb does, when it says that it has succeeded, to a container. */
const ACTS = [
  { verb: "start", make: created, words: [], status: "running" },
  { verb: "exec", make: started, words: ["true"], status: "running" },
  { verb: "pause", make: started, words: [], status: "paused" },
  { verb: "kill", make: started, words: ["KILL"], status: "stopped" },
  { verb: "delete --force", make: started, words: [], status: null },
] as const;

for (const { verb, make, words, status } of ACTS) {
  testTsrun(`after a ${verb} of which any system call fails the container can be deleted`, async () => {
    await eachCall((place) => {
      using box = make({ args: ["sleep", "60"] });
      const ended = failingAt(place, [...verb.split(" "), box.id, ...words]);
      const state = box.call("state");
      const found = state.status === 0 ? JSON.parse(state.stdout).status : null;
      if (ended.status === 0) assert.is(found, status, `${place}`);
      return ended;
    });
  });
}

leavesNothing();
test.run();
