// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { reap, spawnAgent } from "../../../src/agent/spawn.ts";
import { reapOrphans } from "../../../src/container/foreground/subreaper.ts";
import { processInfo } from "../../../src/container/state/process-info.ts";
import { close, memfdCreate } from "../../../src/kernel/calls.ts";
import { MFD_CLOEXEC } from "../../../src/kernel/constants.ts";
import { here } from "../../../src/kernel/here.ts";
import { waitUntil } from "../../harness/wait.ts";

/** Children that end at once, since there is nothing in their mailbox, and whose statuses nobody takes. */
function ended(count: number): number[] {
  const fd = here(memfdCreate("empty", MFD_CLOEXEC));
  const pids = Array.from({ length: count }, () => spawnAgent(fd));
  here(close(fd));
  return pids;
}

test("the statuses of many orphans are taken at one look, and the container's is left", async () => {
  const [first = 0, ...orphans] = ended(30);
  const [init = 0] = ended(1);
  await waitUntil(
    () => [first, init, ...orphans].every((pid) => processInfo(pid)?.state === "Z"),
    "all have ended",
  );
  {
    using _ = reapOrphans(init);
    await waitUntil(() => orphans.every((pid) => processInfo(pid) === null), "no orphan is left");
    await Bun.sleep(250);
  }
  assert.is(processInfo(init)?.state, "Z");
  assert.type(reap(init, false), "number");
});

test.run();
