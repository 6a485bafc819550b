// Needs containerd, etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kubectl, ip, /usr/lib/cni/bridge.
import { test } from "uvu";
import { watchMachine } from "../callers/leaks.ts";
import { startNode } from "./node.ts";
import { testNode } from "./usual.ts";

const atFirst = watchMachine();
testNode(await startNode(1), atFirst);
test.run();
