// Needs podman, conmon, ip, /etc/containers/policy.json.
// Limits that podman sets: on a host whose cgroup v2 has the controllers, as the guest of `make test-vm` has.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cgroup2Controllers } from "../harness/cgroups.ts";
import { testIf } from "../harness/skip.ts";
import { printed } from "./call.ts";
import { box, configurePodman, podman } from "./podman.ts";

const controllers = cgroup2Controllers();
const canLimit = controllers.has("memory") && controllers.has("pids");
const testLimits = testIf(canLimit, "needs cgroup controllers memory and pids");

if (canLimit) configurePodman();

testLimits("--memory and --pids-limit limit, and update changes them", () => {
  using sleeper = box(["sleep", "100"], "--memory", "64m", "--pids-limit", "50");
  const limits = () =>
    printed(podman("exec", sleeper.id, "cat", "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/pids.max"));
  assert.is(limits(), "67108864\n50\n");
  printed(podman("update", "--memory", "128m", sleeper.id));
  assert.is(limits(), "134217728\n50\n");
});

test.run();
