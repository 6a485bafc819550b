// Needs containerd, ctr, ip, /usr/lib/cni/bridge.
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { project } from "../harness/environment.ts";
import { testIf } from "../harness/skip.ts";
import { inside } from "../integration/verify/verified.ts";
import { call, printed } from "./call.ts";
import { BRIDGE, NAMESPACES, SOCKET, startContainerd } from "./containerd.ts";
import { connectCri } from "./cri.ts";
import { watchMachine } from "./leaks.ts";
import { runPod } from "./pod.ts";

const atFirst = watchMachine();
const daemon = await startContainerd();
const cri = connectCri(SOCKET);
{
  await using _ = await runPod(cri); // the first pod makes the bridge, which stays
}
const afterStart = watchMachine();

const FOREVER = "trap 'exit 0' TERM; while :; do sleep 1 & wait; done";

/** What verify prints of a container of containerd's, and its status. */
function verified(id: string, pid: number) {
  const bundle = join("/run/containerd/io.containerd.runtime.v2.task", NAMESPACES.pods, id);
  const { stdout, stderr, status } = call([
    join(project, "bin/tsrun"),
    "verify",
    "--pid",
    String(pid),
    "--bundle",
    bundle,
  ]);
  return { status, lines: `${stdout}${stderr}`.trim().split("\n") };
}

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
        const { status, lines } = verified(id, its);
        assert.match(lines.join("\n"), /^\d+ as asked, 0 otherwise$/);
        assert.is(status, 0);
      }
      inside(pid, "mount -t tmpfs none /home");
      const { status, lines } = verified(web.id, pid);
      assert.is(lines[0], "mounts: added: tmpfs on /home (rw,relatime); asked: no such mount");
      assert.is(status, 1);
    },
  );
}

test("nothing is left of all these, and then nothing of containerd", async () => {
  await afterStart("of the pods");
  cri[Symbol.dispose]();
  printed(call(["ip", "link", "delete", BRIDGE]));
  await daemon.stop();
  await atFirst("of containerd");
});

test.run();
