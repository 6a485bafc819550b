/** What is claimed of a node with either version of containerd. */
import { test } from "uvu";
import { watchMachine } from "../callers/leaks.ts";
import { type Claim, testAll, testInTurn } from "./claims.ts";
import { controllers } from "./controllers.ts";
import { debugNode } from "./debug-node.ts";
import { exec } from "./exec.ts";
import { failures } from "./failures.ts";
import { host } from "./host.ts";
import { mishaps, restarts } from "./mishaps.ts";
import type { Node } from "./node.ts";
import { order } from "./order.ts";
import { probes } from "./probes.ts";
import { sandbox } from "./sandbox.ts";
import { security } from "./security.ts";
import { staticPods } from "./static-pods.ts";
import { volumes } from "./volumes.ts";

/** Those that take longest come first. */
const USUAL: readonly Claim[] = [
  ...controllers,
  ...mishaps,
  ...failures,
  ...order,
  ...probes,
  ...exec,
  ...staticPods,
  ...sandbox,
  ...security,
  ...host,
  ...volumes,
];

/**
 * Adds the tests of a node: what `more` adds and what is claimed of all nodes, then what disturbs the whole node, and that nothing is
 * left, of the pods and of the node. `atFirst` knows what was there before it.
 */
export function testNode(
  node: Node,
  atFirst: ReturnType<typeof watchMachine>,
  more: () => void = () => {},
): void {
  const withoutPods = watchMachine();
  more();
  testAll(node, USUAL);
  test("kubectl debug shows the node", () => debugNode(node));
  test("nothing is left of the pods", async () => {
    await node.cleared();
    await withoutPods("of the pods");
  });
  testInTurn(node, restarts);
  test("nothing is left of the node", async () => {
    await node.cleared();
    await node.stop();
    await atFirst("of the node");
  });
}
