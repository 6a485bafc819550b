/** `kubectl debug node/…`: a pod with the node's namespaces and files. It has no RuntimeClass, and so the default runtime. */
import { hostname } from "node:os";
import * as assert from "uvu/assert";
import { printed } from "../callers/call.ts";
import { BUSYBOX } from "../callers/images.ts";
import { namespaceOf } from "../harness/processes.ts";
import { NODE } from "./addresses.ts";
import { kubectl, type Node } from "./node.ts";
import { podOf } from "./pods.ts";

export async function debugNode(node: Node): Promise<void> {
  const words = [
    "debug",
    `node/${NODE}`,
    `--image=${BUSYBOX}`,
    "--image-pull-policy=Never",
    "--profile=sysadmin",
  ];
  const said = printed(await kubectl([...words, "--", "sh", "-c", "exec sleep 3600"]).ended());
  const name = /pod (\S+) with/.exec(said)?.[1] ?? said;
  await using pod = podOf(node, name);
  await pod.ready();
  assert.is((await pod.sandbox()).handler, "");
  for (const kind of ["pid", "net", "ipc", "uts"] as const)
    assert.is(namespaceOf(await pod.pid(), kind), namespaceOf("self", kind), kind);
  assert.is((await pod.exec(["chroot", "/host", "hostname"])).stdout, `${hostname()}\n`);
}
