/** What is told of containers that fail. */
import * as assert from "uvu/assert";
import type { Event } from "./api.ts";
import { claims } from "./claims.ts";
import { type ContainerStatus, findStatus, shell, statusOf } from "./pods.ts";

const { claim, all } = claims();
export const failures = all;

const WORDS = {
  tsrun: /process\.args\[0\]: "nope": executable file not found in \$PATH/,
  runc: /exec: "nope": executable file not found in \$PATH/,
} as const;

claim("a program that isn't there is told in the pod's status and events", async ({ run, node, runtime }) => {
  await using pod = await run({ containers: [{ ...shell(""), command: ["nope"] }] });
  const { reason, exitCode, message = "" } = await pod.ended();
  assert.equal({ reason, exitCode }, { reason: "StartError", exitCode: 128 });
  assert.match(message, WORDS[runtime]);
  const events = await node.api.list<Event>("Event", {
    fieldSelector: `involvedObject.name=${pod.name},reason=Failed`,
  });
  assert.match(events.map((one) => one.message).join("\n"), WORDS[runtime]);
});

claim("a directory to work in that isn't allowed is told", async ({ run }) => {
  await using pod = await run({
    containers: [shell("true", { workingDir: "/etc/passwd" })],
  });
  const { reason, message = "" } = await pod.ended();
  assert.is(reason, "StartError");
  assert.match(message, /etc\/passwd.*not a directory/);
});

claim("a container that crashes is started again, after a while", async ({ run }) => {
  await using pod = await run({ restartPolicy: "Always", containers: [shell("echo oops; exit 3")] });
  const isWaiting = (container?: ContainerStatus) =>
    (container?.restartCount ?? 0) >= 2 && container?.state.waiting?.reason === "CrashLoopBackOff";
  const status = statusOf(await pod.until((one) => isWaiting(findStatus(one)), "it has crashed again"));
  const { exitCode, reason } = status.lastState.terminated ?? {};
  assert.equal({ exitCode, reason }, { exitCode: 3, reason: "Error" });
  assert.is(await pod.log(), "oops\n");
});

/** `$$`, after Kubernetes has taken each `$$` for an escaped `$`. */
const OWN_PID = "$$$$";

for (const [what, script, exitCode, reason] of [
  ["an exit status", "exit 42", 42, "Error"],
  ["success", "true", 0, "Completed"],
  ["a signal", `kill -9 ${OWN_PID}; sleep 9`, 137, "Error"],
] as const)
  claim(`${what} is the end that is told`, async ({ run }) => {
    // With processes in common the program isn't PID 1, which no signal of its own kills.
    await using pod = await run({ shareProcessNamespace: true, containers: [shell(script)] });
    const end = await pod.ended();
    assert.equal({ exitCode: end.exitCode, reason: end.reason }, { exitCode, reason });
  });

claim("a container's last words become its message", async ({ run }) => {
  await using pod = await run({
    containers: [shell("echo because >/dev/termination-log; exit 1")],
  });
  assert.is((await pod.ended()).message, "because\n");
});
