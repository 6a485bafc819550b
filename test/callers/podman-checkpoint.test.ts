// Needs podman, conmon, ip, criu, /etc/containers/policy.json.
// Checkpoints that podman asks for: on a kernel that criu works on, as the guest of `make test-vm` has.
import { existsSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { testIf } from "../harness/skip.ts";
import { waitUntil } from "../harness/wait.ts";
import { printed } from "./call.ts";
import { box, configurePodman, podman } from "./podman.ts";

const criuWorks = Bun.spawnSync(["criu", "check"]).exitCode === 0;
const testCriu = testIf(criuWorks, "needs a kernel that criu works on (criu check)");

if (criuWorks) configurePodman();

const COUNT = "i=0; while :; do i=$((i+1)); echo $i >> /dev/shm/count; sleep 0.1; done";

/** How far the container has come whose init that is. */
function counted(pid: string): number {
  const file = `/proc/${pid}/root/dev/shm/count`;
  return existsSync(file) ? Number(readFileSync(file, "utf8").trimEnd().split("\n").at(-1)) : 0;
}

testCriu("podman container checkpoint ends a container, and restore lets it go on", async () => {
  using counter = box(["sh", "-c", COUNT]);
  const state = () =>
    printed(podman("inspect", "--format", "{{.State.Status}} {{.State.Pid}}", counter.id))
      .trim()
      .split(" ");
  const [, before = ""] = state();
  await waitUntil(() => counted(before) >= 3, "it counts");
  printed(podman("container", "checkpoint", counter.id));
  assert.is(state()[0], "exited");
  printed(podman("container", "restore", counter.id));
  const [status, after = ""] = state();
  assert.is(status, "running");
  const reached = counted(after);
  assert.ok(reached >= 3, "it has not begun anew");
  await waitUntil(() => counted(after) > reached, "it counts on");
});

test.run();
