// Needs dockerd, docker, containerd, runc, ip.
// Limits and privileges that docker gives: on a host that has them, as the guest of `make test-vm` does.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cgroup2Controllers } from "../harness/cgroups.ts";
import { status } from "../harness/processes.ts";
import { testIf } from "../harness/skip.ts";
import { printed } from "./call.ts";
import { box, docker, ran, startDocker } from "./docker.ts";

const controllers = cgroup2Controllers();
const canLimit = controllers.has("memory") && controllers.has("pids");
const CAP_SYS_RESOURCE = 1n << 24n;
const own = BigInt(`0x${status(process.pid).get("CapBnd")}`);
const hasAll = (own & CAP_SYS_RESOURCE) !== 0n;

/** docker 20.10 has not heard of those after CAP_AUDIT_READ. */
const KNOWN = (1n << 38n) - 1n;
/** Its AppArmor profile takes a compiler for such. */
const NO_PROFILE = ["--security-opt", "apparmor=unconfined"] as const;

const daemon = canLimit || hasAll ? await startDocker() : null;

testIf(canLimit, "needs cgroup controllers memory and pids")(
  "--memory and --pids-limit limit, and update changes them",
  () => {
    using sleeper = box(["sleep", "100"], ...NO_PROFILE, "--memory", "64m", "--pids-limit", "50");
    const files = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/pids.max"];
    const limits = () => printed(docker("exec", sleeper.id, "cat", ...files));
    assert.is(limits(), "67108864\n50\n");
    printed(docker("update", "--memory", "128m", "--memory-swap", "-1", sleeper.id));
    assert.is(limits(), "134217728\n50\n");
  },
);

testIf(hasAll, "needs CAP_SYS_RESOURCE")("--privileged gives all capabilities", () => {
  const said = printed(ran("grep CapEff /proc/self/status | cut -f 2", "--privileged"));
  assert.is(BigInt(`0x${said.trim()}`) & KNOWN, own & KNOWN);
});

test.after(() => daemon?.stop());
test.run();
