// Needs etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kubectl, ip, /usr/lib/cni/bridge.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { watchMachine } from "../callers/leaks.ts";
import { testIf } from "../harness/skip.ts";
import { testAll } from "./claims.ts";
import { imageVolumes, shiftedImageVolumes } from "./image-volumes.ts";
import { RUNTIMES, startNode, whyNot } from "./node.ts";
import { readOnlyMounts } from "./read-only-mounts.ts";
import { userNamespaces } from "./user-namespaces.ts";
import { testNode } from "./usual.ts";

const reason = whyNot(2);
if (reason !== null) testIf(false, reason)("a node with containerd 2", () => {});
else {
  const atFirst = watchMachine();
  const node = await startNode(2);
  const withUsers = node.withFeature("userNamespaces");
  test("tsrun is announced to the kubelet with all that it can do", () => {
    assert.ok(withUsers.includes("tsrun"));
    assert.ok(node.withFeature("recursiveReadOnlyMounts").includes("tsrun"));
  });
  for (const runtime of RUNTIMES.filter((one) => !withUsers.includes(one)))
    testIf(false, `${runtime} has no id-mapped mounts`)(`${runtime}: pods with their own users`, () => {});
  testNode(node, atFirst, () => {
    testAll(node, [...userNamespaces, ...shiftedImageVolumes], withUsers);
    testAll(node, [...imageVolumes, ...readOnlyMounts]);
  });
}

test.run();
