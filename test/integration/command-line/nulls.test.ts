// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS } from "../../harness/bundle.ts";
import { containerOf } from "../../harness/container.ts";
import { testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { runtime, silent, succeeded } from "../../harness/runtime.ts";

/** Objects, lists and texts that are null, as Go and templates write what is not set, and an empty path. */
const { path, rootfs, config } = bundle({
  process: {
    args: ["sleep", "60"],
    user: null,
    capabilities: null,
    rlimits: null,
    apparmorProfile: null,
    scheduler: null,
    execCPUAffinity: null,
  },
  mounts: DEFAULT_MOUNTS.map((mount) => ({ options: null, ...mount })),
  hooks: null,
  annotations: { "org.example.note": null },
  linux: {
    namespaces: ["pid", "network", "ipc", "uts", "mount"].map((type) => ({ type, path: "" })),
    uidMappings: null,
    devices: null,
    sysctl: null,
    seccomp: null,
    personality: null,
    resources: { devices: null, memory: null, unified: null },
    maskedPaths: null,
    readonlyPaths: null,
    rootfsPropagation: null,
  },
});

function sleeping() {
  const box = containerOf({ path, rootfs, config }, uniqueId());
  box.runDetached();
  return box;
}

test("what is null in config.json is not set, for all commands", () => {
  using box = sleeping();
  assert.is(succeeded(box.exec("echo", "hello")).stdout, "hello\n");
  succeeded(runtime(["exec", "--user", "5", "--cap", "CAP_KILL", box.id, "true"]));
  box.kill("KILL");
});

testTsrun("nor is it for those that only tsrun has", () => {
  using box = sleeping();
  for (const verb of [["mounts", "list"], ["verify"], ["why"]]) silent(box.call(...verb));
});

leavesNothing();
test.run();
