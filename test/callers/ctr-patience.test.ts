// Needs containerd, ctr, ip.
/** What containerd tells of a creation that hangs: the reason that tsrun has left for it. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { startContainerd } from "./containerd.ts";
import { ctr, nextId, WITH_TSRUN } from "./ctr.ts";
import { BUSYBOX } from "./images.ts";

// The environment of containerd, its shims and tsrun.
Object.assign(process.env, { TSRUN_FAULTS: "1", TSRUN_PATIENCE: "3s" });
const daemon = await startContainerd();

test("a creation that gives up says to containerd's client where it hung", () => {
  const fault = ["--annotation", "org.tsrun.fault=mounts[0]=delay:60s"];
  const { status, stderr } = ctr("run", "--rm", ...WITH_TSRUN, ...fault, BUSYBOX, nextId(), "true");
  assert.is(status, 1);
  assert.match(
    stderr,
    /OCI runtime create failed: tsrun create \S+ is not done yet: its init \(pid \d+\) is in step \d+ of \d+ for 3 s: config\.json: mounts\[0\] \(proc on \/proc\): ppoll; given up after 3s, as \$TSRUN_PATIENCE says/,
  );
});

test("containerd is stopped", async () => {
  await daemon.stop();
});

test.run();
