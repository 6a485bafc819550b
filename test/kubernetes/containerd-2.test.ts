// Needs etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kubectl, ip, /usr/lib/cni/bridge.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { watchMachine } from "../callers/leaks.ts";
import { testIf } from "../harness/skip.ts";
import { testAll, testInTurn } from "./claims.ts";
import { debugNode } from "./debug-node.ts";
import { imageVolumes, shiftedImageVolumes } from "./image-volumes.ts";
import { restarts } from "./mishaps.ts";
import { RUNTIMES, startNode, whyNot } from "./node.ts";
import { readOnlyMounts } from "./read-only-mounts.ts";
import { userNamespaces } from "./user-namespaces.ts";
import { USUAL } from "./usual.ts";

const reason = whyNot(2);
if (reason !== null) testIf(false, reason)("a node with containerd 2", () => {});
else {
  const atFirst = watchMachine();
  const node = await startNode(2);
  const withoutPods = watchMachine();
  const withUsers = node.withFeature("userNamespaces");
  test("tsrun is announced to the kubelet with all that it can do", () => {
    assert.ok(withUsers.includes("tsrun"));
    assert.ok(node.withFeature("recursiveReadOnlyMounts").includes("tsrun"));
  });
  for (const runtime of RUNTIMES.filter((one) => !withUsers.includes(one)))
    testIf(false, `${runtime} has no id-mapped mounts`)(`${runtime}: pods with their own users`, () => {});
  testAll(node, [...userNamespaces, ...shiftedImageVolumes], withUsers);
  testAll(node, [...imageVolumes, ...readOnlyMounts, ...USUAL]);
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

test.run();
