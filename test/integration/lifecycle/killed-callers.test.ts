// Runs beside other files.
// What a tsrun that is killed leaves: no agent, at whatever moment it was.
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, namespaces } from "../../harness/bundle.ts";
import { containerOf, started } from "../../harness/container.ts";
import { testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { processes } from "../../harness/processes.ts";
import { type Call, type Outcome, runtime, silent, startRuntime } from "../../harness/runtime.ts";
import { waitUntil } from "../../harness/wait.ts";

const SLEEP = ["sleep", "60"];
const IDS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];

/** Agents that have not become a container's program: they keep the command line that tsrun has given them. */
function agents(): number[] {
  return processes().filter((pid) => commandLineOf(pid).startsWith("tsrun-agent\0"));
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return ""; // it has just ended
  }
}

testTsrun("an exec that is killed while its process can't run leaves none", async () => {
  using box = started({ args: SLEEP });
  silent(runtime(["pause", box.id]));
  await using call = startRuntime(["exec", "--ignore-paused", box.id, "true"]);
  await waitUntil(() => agents().length > 0, "its process is there");
  call.child.kill("SIGKILL");
  await call.ended();
  silent(runtime(["resume", box.id]));
  await waitUntil(() => agents().length === 0, "its process has ended");
});

/** Calls tsrun until it is killed before none of its system calls: before the first, the second, and so on. */
async function killedBeforeEach(call: (how: Call) => Outcome | Promise<Outcome>): Promise<void> {
  for (let number = 0; ; number++) {
    const global = ["--fault", `tsrun[${number}]=kill`];
    const { status, signal, stderr } = await call({ global, env: { TSRUN_FAULTS: "1" } });
    if (signal === null && stderr.includes("no step was for it")) {
      assert.equal([status, number > 100], [0, true], `it makes ${number} calls`);
      return;
    }
    assert.equal([signal, stderr], ["SIGKILL", ""], `before call ${number}`);
  }
}

testTsrun("an exec that is killed before any of its system calls leaves no agent", async () => {
  using box = started({ args: SLEEP });
  await killedBeforeEach((how) => runtime(["exec", box.id, "true"], how));
  await waitUntil(() => agents().length === 0, "all agents have ended");
});

testTsrun("nor does a create of a container with a user namespace, unless it is created", async () => {
  const linux = { namespaces: namespaces({ user: true }), uidMappings: IDS, gidMappings: IDS };
  const made = bundle({ args: SLEEP, linux });
  await killedBeforeEach(async (how) => {
    using box = containerOf(made, uniqueId());
    const outcome = runtime(["create", "--bundle", made.path, box.id], how);
    const { stdout } = box.call("state");
    if (!stdout.includes('"created"')) await waitUntil(() => agents().length === 0, "its agents have ended");
    return outcome;
  });
});

leavesNothing();
test.run();
