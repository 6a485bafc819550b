// Needs containerd, etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kubectl, ip, /usr/lib/cni/bridge.
import { test } from "uvu";
import { watchMachine } from "../callers/leaks.ts";
import { testAll, testInTurn } from "./claims.ts";
import { debugNode } from "./debug-node.ts";
import { restarts } from "./mishaps.ts";
import { startNode } from "./node.ts";
import { USUAL } from "./usual.ts";

const atFirst = watchMachine();
const node = await startNode(1);
const withoutPods = watchMachine();
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

test.run();
