// Needs podman, conmon, ip, criu, /etc/containers/policy.json.
// Checkpoints that podman asks for: on a kernel that criu works on, as the guest of `make test-vm` has.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { testIf } from "../harness/skip.ts";
import { waitUntil } from "../harness/wait.ts";
import { printed } from "./call.ts";
import { box, configurePodman, podman } from "./podman.ts";

const criuWorks = Bun.spawnSync(["criu", "check"]).exitCode === 0;
const testCriu = testIf(criuWorks, "needs a kernel that criu works on (criu check)");

if (criuWorks) configurePodman();

const COUNT = "i=0; while :; do i=$((i+1)); echo $i > /dev/shm/count; sleep 0.1; done";

testCriu("podman container checkpoint ends a container, and restore lets it go on", async () => {
  using counter = box(["sh", "-c", COUNT]);
  const status = () => printed(podman("inspect", "--format", "{{.State.Status}}", counter.id)).trim();
  const count = () => Number(podman("exec", counter.id, "cat", "/dev/shm/count").stdout);
  await waitUntil(() => count() >= 3, "it counts");
  printed(podman("container", "checkpoint", counter.id));
  assert.is(status(), "exited");
  printed(podman("container", "restore", counter.id));
  assert.is(status(), "running");
  const reached = count();
  assert.ok(reached >= 3, "it has not begun anew");
  await waitUntil(() => count() > reached, "it counts on");
});

test.run();
