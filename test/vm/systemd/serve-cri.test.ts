// In the machine's own mounts: who has others is not served. The kubelet's way, with a tsrun server.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { NAMESPACES, SOCKET, startContainerd } from "../../callers/containerd.ts";
import { connectCri } from "../../callers/cri.ts";
import { runPod } from "../../callers/pod.ts";
import { cgroup2Of } from "../../harness/cgroups.ts";
import { command } from "../../harness/mount.ts";
import { testIf } from "../../harness/skip.ts";
import { install, SERVICE, serverStatus, uninstall, untilServed } from "./serving.ts";
import { slice } from "./units.ts";

const FOREVER = "trap 'exit 0' TERM; while :; do sleep 1; done";
const ON_HOST = { namespace_options: { network: "NODE" } };

testIf(Bun.which("containerd") !== null, "needs containerd")(
  "the commands of containerd's shim are served, and a pod outlives the server",
  async () => {
    install("system");
    command("systemctl", "daemon-reload");
    command("systemctl", "--quiet", "start", "tsrun.socket");
    await untilServed();
    const daemon = await startContainerd({ systemd: true, namespaces: [NAMESPACES.pods] });
    const cri = connectCri(SOCKET);
    using parent = slice();
    {
      await using pod = await runPod(cri, { cgroup_parent: `/${parent.name}`, security_context: ON_HOST });
      const app = await pod.run("app", FOREVER, { security: ON_HOST });
      assert.is(cgroup2Of(await app.pid()), `${parent.path}/cri-containerd-${app.id}.scope`);
      assert.is((await app.exec("echo", "here")).stdout, "here\n");
      const { served, refused } = serverStatus();
      const counts = Object.fromEntries(Object.entries(served).map(([name, { count }]) => [name, count]));
      assert.equal(
        [counts["create"], counts["start"], counts["exec"]],
        [2, 2, 1],
        JSON.stringify({ served, refused }),
      );
      command("systemctl", "stop", SERVICE);
      assert.is((await app.exec("echo", "still here")).stdout, "still here\n");
      await cri.call("StopContainer", { container_id: app.id, timeout: 10 });
      assert.is((await app.ended()).exit_code, 0);
    }
    cri[Symbol.dispose]();
    await daemon.stop();
    command("systemctl", "--quiet", "stop", "tsrun.socket");
    uninstall("system");
  },
);

test.run();
