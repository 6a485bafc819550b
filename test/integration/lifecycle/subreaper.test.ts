// Runs beside other files.
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, namespaces } from "../../harness/bundle.ts";
import { uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { exists, status } from "../../harness/processes.ts";
import { readIfThere } from "../../harness/read-if-there.ts";
import { runtime, startRuntime } from "../../harness/runtime.ts";
import { slowness } from "../../harness/slowness.ts";
import { waitUntil } from "../../harness/wait.ts";

/** Leaves an orphan that says its pid, which is the host's without a pid namespace, and goes on without it. */
const ORPHANS = ["sh", "-c", `(sleep ${0.5 * slowness} & echo $! > /orphan); exec sleep 60`];

const shared = { linux: { namespaces: namespaces({ pid: false }) } };

for (const [flags, adopts] of [
  [[], true],
  [["--no-subreaper"], false],
] as const) {
  test(`run ${flags.join(" ")}: orphans of the caller's pid namespace are ${adopts ? "" : "not "}run's`, async () => {
    const { path, rootfs } = bundle({ args: ORPHANS, ...shared });
    const id = uniqueId();
    await using running = startRuntime(["run", ...flags, "--bundle", path, id]);
    const orphan = () => Number(readIfThere(join(rootfs, "orphan")));
    await waitUntil(() => orphan() > 0, "the orphan says its pid");
    const parent = adopts ? running.pid : 1;
    await waitUntil(() => Number(status(orphan()).get("PPid")) === parent, `it is a child of ${parent}`);
    await waitUntil(() => !exists(orphan()), "nothing is left of the orphan, not even its status");
    runtime(["kill", id, "KILL"]);
    assert.is((await running.ended()).status, 137);
  });
}

leavesNothing();
test.run();
