// Needs /usr/lib/cni/bridge.
/**
 * How long a pod of two containers takes to start, from RunPodSandbox to the last StartContainer, with each runtime in
 * turn: `make bench-pods`. It runs beside a tsrun server.
 */
import { renameSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { call, printed } from "../../callers/call.ts";
import { BRIDGE, SOCKET, startContainerd } from "../../callers/containerd.ts";
import { connectCri } from "../../callers/cri.ts";
import { watchMachine } from "../../callers/leaks.ts";
import { runPod } from "../../callers/pod.ts";
import { measured } from "../../harness/measured.ts";

/** Pods that are measured with each, and how many come before them: the server's code is compiled as it runs. */
const ROUNDS = 20;
const WARM_UP = 15;

/** Where tsrun looks for a server; moved away, there is none. */
const SERVER = "/run/tsrun-serve.sock";
const HIDDEN = "/run/hidden.sock";

interface Contender {
  readonly name: string;
  readonly handler: string;
  readonly isServed: boolean;
}

const SERVED: Contender = { name: "tsrun, served", handler: "tsrun", isServed: true };
const ALONE: Contender = { name: "tsrun, alone", handler: "tsrun", isServed: false };
const CRUN: Contender = { name: "crun", handler: "crun", isServed: true };
const RUNC: Contender = { name: "runc", handler: "runc", isServed: true };

/** The peers' binaries: those that were named, or those in the PATH. */
const { CRUN: crun = Bun.which("crun"), RUNC: runc = Bun.which("runc") } = process.env;
const CONTENDERS = [SERVED, ALONE, ...(crun === null ? [] : [CRUN]), ...(runc === null ? [] : [RUNC])];

/** crun's handler; runc has one already. */
const HANDLER = `
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun]
  runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.crun.options]
    BinaryName = "${crun ?? "crun"}"
`;

/** Milliseconds until a pod's two containers run. */
async function podStart({ handler: name, isServed }: Contender): Promise<number> {
  if (!isServed) renameSync(SERVER, HIDDEN);
  try {
    const began = performance.now();
    await using pod = await runPod(cri, {}, {}, name);
    await pod.run("one", "exec sleep 1000");
    await pod.run("two", "exec sleep 1000");
    return performance.now() - began;
  } finally {
    if (!isServed) renameSync(HIDDEN, SERVER);
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.slice(Math.floor((sorted.length - 1) / 2), Math.floor(sorted.length / 2) + 1);
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}

const atFirst = watchMachine();
const containerd = await startContainerd({ tables: HANDLER });
const cri = connectCri(SOCKET);

test("a pod starts sooner with a tsrun server than without it", async () => {
  const times = new Map(CONTENDERS.map((contender): [Contender, number[]] => [contender, []]));
  for (let round = -WARM_UP; round < ROUNDS; round++)
    for (const [contender, values] of times) {
      const value = await podStart(contender);
      if (round >= 0) values.push(value);
    }
  for (const [{ name }, values] of times)
    measured(
      `start of a pod of two containers, ${name}, median of ${ROUNDS}`,
      `${median(values).toFixed(0)} ms (${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)})`,
    );
  assert.ok(median(times.get(SERVED) ?? []) < median(times.get(ALONE) ?? []));
});

test("nothing is left of the pods", async () => {
  cri[Symbol.dispose]();
  await containerd.stop();
  printed(call(["ip", "link", "delete", BRIDGE]));
  await atFirst("of the pods");
});

test.run();
