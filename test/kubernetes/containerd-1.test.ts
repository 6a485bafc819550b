// Needs containerd, etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kubectl, ip, /usr/lib/cni/bridge.
import { test } from "uvu";
import { watchMachine } from "../callers/leaks.ts";
import { testAll } from "./claims.ts";
import { startNode } from "./node.ts";
import { sandbox } from "./sandbox.ts";

const atFirst = watchMachine();
const node = await startNode(1);
testAll(node, [...sandbox]);

test("nothing is left of the node", async () => {
  await node.stop();
  await atFirst("of the node");
});

test.run();
