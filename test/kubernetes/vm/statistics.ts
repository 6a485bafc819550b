/** What the kubelet tells of pods' use of the machine. */
import * as assert from "uvu/assert";
import { ADDRESS, PORTS } from "../addresses.ts";
import { claims } from "../claims.ts";
import { eventually } from "../node.ts";
import { shell } from "../pods.ts";
import { IDLE, ON_HOST } from "./cgroups.ts";

const { claim, all } = claims();
export const statistics = all;

/** Pressure-stall information. */
interface Pressure {
  readonly some: { readonly total: number; readonly avg10: number };
  readonly full: { readonly total: number; readonly avg10: number };
}

interface Usage {
  readonly cpu?: { readonly usageCoreNanoSeconds?: number; readonly psi?: Pressure };
  readonly memory?: { readonly workingSetBytes?: number; readonly psi?: Pressure };
  readonly io?: { readonly psi?: Pressure };
}

interface Summary {
  readonly pods: readonly (Usage & {
    readonly podRef: { readonly name: string };
    readonly containers?: readonly (Usage & { readonly name: string })[];
  })[];
}

claim("a busy pod's use of processors and memory is told, and what it waited for", async ({ run }) => {
  const script = "while :; do :; done";
  await using pod = await run({
    ...ON_HOST,
    containers: [
      shell(script, { name: "busy", resources: { requests: { cpu: "50m" }, limits: { cpu: "200m" } } }),
      shell(IDLE, { name: "idle" }),
    ],
  });
  await pod.ready();
  let busy: Usage | undefined;
  await eventually(async () => {
    const told = (await summary()).pods.find(({ podRef }) => podRef.name === pod.name);
    busy = told?.containers?.find(({ name }) => name === "busy");
    return (busy?.cpu?.psi?.some.total ?? 0) > 0;
  }, "it is told that it waited for a processor");
  assert.ok((busy?.cpu?.usageCoreNanoSeconds ?? 0) > 0, JSON.stringify(busy));
  assert.ok((busy?.memory?.workingSetBytes ?? 0) > 0, JSON.stringify(busy));
  for (const psi of [busy?.memory?.psi, busy?.io?.psi])
    assert.type(psi?.full.total, "number", JSON.stringify(busy));
});

async function summary(): Promise<Summary> {
  const url = `https://${ADDRESS}:${PORTS.kubelet}/stats/summary`;
  const answer = await fetch(url, { tls: { rejectUnauthorized: false } }); // it signs its certificate itself
  return (await answer.json()) as Summary; // as the kubelet writes it
}
