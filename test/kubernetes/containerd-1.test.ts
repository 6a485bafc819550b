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
testAll(node, USUAL);
test("kubectl debug shows the node", () => debugNode(node));
testInTurn(node, restarts);

test("nothing is left of the node", async () => {
  await node.stop();
  await atFirst("of the node");
});

test.run();
