/** What a pod takes besides its containers: `overhead` of docs/kubernetes.md's RuntimeClass is more than that. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import * as assert from "uvu/assert";
import { measured } from "../../harness/measured.ts";
import { claims } from "../claims.ts";
import { shell } from "../pods.ts";
import { cgroupsOf, IDLE, inCgroup, MEBIBYTE, ON_HOST } from "./cgroups.ts";

const { claim, all } = claims();
export const overhead = all;

const PAGE = resolve(import.meta.dir, "../../../docs/kubernetes.md");

/** The memory that the page has as a pod's overhead, in bytes. */
function documented(): number {
  const [, mebibytes] = /^ +memory: (\d+)Mi$/m.exec(readFileSync(PAGE, "utf8")) ?? [];
  if (mebibytes === undefined) throw new Error(`${PAGE} tells no overhead`);
  return Number(mebibytes) * MEBIBYTE;
}

claim("a sandbox takes less memory than the page tells, with tsrun", async ({ run, runtime }) => {
  await using pod = await run({ ...ON_HOST, containers: [shell(IDLE)] });
  await pod.ready();
  const { sandbox } = await cgroupsOf(pod);
  const { "memory.peak": peak, "memory.current": now } = inCgroup(sandbox, "memory.peak", "memory.current");
  const told = (bytes: string) => `${Math.ceil(Number(bytes) / 1024)} kB`;
  measured(
    `memory of a pod's sandbox, with ${runtime}, at most, and once it runs`,
    `${told(peak)}, ${told(now)}`,
  );
  if (runtime === "tsrun") assert.ok(Number(peak) < documented(), `it took ${told(peak)}`);
});
