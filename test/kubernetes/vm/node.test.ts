// In the machine's own mounts, as the daemons of a node are.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { testAll, testInTurn } from "../claims.ts";
import { restarts } from "../mishaps.ts";
import { eventually } from "../node.ts";
import { ends, failedUnits, shutDown } from "./ends.ts";
import { excess } from "./excess.ts";
import { podSlices, startGuest } from "./guest.ts";
import { overhead } from "./overhead.ts";
import { podCgroups } from "./pod-cgroups.ts";
import { resize } from "./resize.ts";
import { statistics } from "./statistics.ts";

const node = await startGuest();
// Those that take longest come first.
testAll(node, [...excess, ...statistics, ...resize, ...podCgroups, ...overhead, ...ends]);
testInTurn(node, restarts);

test("when all pods are deleted, no slice of them is left, and no unit has failed", async () => {
  await eventually(() => podSlices().length === 0, "all slices have gone").catch(() => {});
  assert.equal(podSlices(), []);
  assert.is(failedUnits(), "");
});

test("a machine that is switched off ends its pods in order, the critical ones last", () => shutDown(node));
test("the node is stopped", () => node.stop());
test.run();
