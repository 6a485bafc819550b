// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { leavesNothing } from "../harness/leaks.ts";
import { ofBundle } from "../integration/check/checked.ts";

test("check finds no obstacle in limits whose controllers are there", () => {
  const resources = { memory: { limit: 2 ** 26 }, cpu: { shares: 512 }, pids: { limit: 100 } };
  assert.equal(ofBundle({ linux: { resources } }).obstacles, []);
});

leavesNothing();
test.run();
