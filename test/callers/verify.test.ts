// Needs containerd, ctr, ip, /usr/lib/cni/bridge.
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { testIf } from "../harness/skip.ts";
import { inside } from "../integration/verify/verified.ts";
import { NAMESPACES } from "./containerd.ts";
import { FOREVER, runPod } from "./pod.ts";
import { podsOfContainerd } from "./pods-of-containerd.ts";
import { AS_ASKED, verified } from "./verified.ts";

const { cri, leavesNothing } = await podsOfContainerd();

/** Where containerd has the bundle of a pod's container. */
const bundleOf = (id: string) => join("/run/containerd/io.containerd.runtime.v2.task", NAMESPACES.pods, id);

for (const handler of ["tsrun", "runc"]) {
  const testHere =
    Bun.which(handler) !== null || handler === "tsrun" ? test : testIf(false, `needs ${handler}`);
  testHere(
    `a pod of containerd by ${handler} has what its configurations say, and what was changed is told`,
    async () => {
      await using pod = await runPod(cri, {}, {}, handler);
      const web = await pod.run("web", FOREVER);
      const pid = await web.pid();
      for (const [id, its] of [
        [pod.id, await pod.pid()],
        [web.id, pid],
      ] as const) {
        const { status, lines } = await verified(its, bundleOf(id));
        assert.match(lines.join("\n"), AS_ASKED);
        assert.is(status, 0);
      }
      inside(pid, "mount -t tmpfs none /home");
      const { status, lines } = await verified(pid, bundleOf(web.id));
      assert.is(lines[0], "mounts: added: tmpfs on /home (rw,relatime); asked: no such mount");
      assert.is(status, 1);
    },
  );
}

leavesNothing();
test.run();
