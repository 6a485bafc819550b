/** What is left of pods when they have ended, and how a machine that is switched off ends them. */
import * as assert from "uvu/assert";
import { call, printed } from "../../callers/call.ts";
import { claims } from "../claims.ts";
import { eventually, type Node, RUNTIMES } from "../node.ts";
import { type PodObject, setting, shell, statusOf } from "../pods.ts";
import { cgroupsOf, IDLE, isLeft, ON_HOST } from "./cgroups.ts";

const { claim, all } = claims();
export const ends = all;

claim("of a deleted pod no slice is left, no scope and no unit", async ({ run }) => {
  await using pod = await run({
    ...ON_HOST,
    containers: [
      shell(IDLE, { name: "heeds" }),
      shell("trap '' TERM; sleep 100000 & wait", { name: "ignores" }),
    ],
  });
  await pod.ready();
  const { scope, slice, sandbox } = await cgroupsOf(pod);
  assert.is(isLeft(slice), true);
  await pod.remove(1);
  await eventually(() => !isLeft(scope, sandbox, slice), "its cgroups and units have gone");
});

/** The units that systemd holds for failed. */
export const failedUnits = () =>
  printed(call(["systemctl", "list-units", "--failed", "--plain", "--no-legend"])).trim();

const CRITICAL = { priorityClassName: "system-node-critical" };

/** Has logind end the machine, which does not come to its end: see prepare.ts. */
export async function shutDown(node: Node): Promise<void> {
  // The kubelet takes what ends well for an end of its own.
  const shut = (words: string) => shell(`trap '${words}; exit 3' TERM; sleep 100000 & wait`);
  const pods = await Promise.all(
    RUNTIMES.map(async (runtime) => {
      const { run } = setting(node, runtime);
      const grace = { ...ON_HOST, terminationGracePeriodSeconds: 20 };
      const usual = await run({ ...grace, containers: [shut("sleep 3")] });
      const critical = await run({ ...grace, ...CRITICAL, containers: [shut("true")] });
      await Promise.all([usual.ready(), critical.ready()]);
      return { usual, critical };
    }),
  );
  assert.match(printed(call(["systemd-inhibit", "--list", "--no-pager"])), /^kubelet .* delay$/m);
  const path = "/org/freedesktop/login1";
  printed(
    call([
      "busctl",
      "call",
      "org.freedesktop.login1",
      path,
      "org.freedesktop.login1.Manager",
      "Reboot",
      "b",
      "false",
    ]),
  );
  for (const { usual, critical } of pods) {
    const ended = ({ status }: PodObject) => status.phase === "Failed" || status.phase === "Succeeded";
    const [first, last] = [
      await usual.until(ended, "it has ended"),
      await critical.until(ended, "it has ended"),
    ];
    const [earlier, later] = [first, last].map((one) => statusOf(one).state.terminated);
    assert.is(earlier?.exitCode, 3, JSON.stringify(first));
    assert.is(later?.exitCode, 3, JSON.stringify(last));
    assert.is(first.status.reason, "Terminated");
    assert.match(first.status.message ?? "", /imminent node shutdown/);
    assert.ok(
      Date.parse(earlier?.finishedAt ?? "") <= Date.parse(later?.finishedAt ?? ""),
      JSON.stringify({ earlier, later }),
    );
  }
}
