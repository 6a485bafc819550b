import { test } from "uvu";
import * as assert from "uvu/assert";
import { uniqueId } from "../../harness/environment.ts";
import { waitUntil } from "../../harness/wait.ts";
import { nothingIsLeft } from "./leaks.ts";
import { createdInScope, scopeOf, shown, startedInScope } from "./units.ts";

test("a unit that failed makes room for a new one, and one's own is forgotten by delete", async () => {
  const cgroupsPath = `system.slice:tsrun:${uniqueId()}`;
  const unit = `${cgroupsPath.split(":").slice(1).join("-")}.scope`;
  const annotations = {
    "org.systemd.property.RuntimeMaxSec": "6",
    "org.systemd.property.TimeoutStopSec": "0.3",
  };
  const failed = async () => {
    using box = startedInScope({ args: ["sleep", "60"], annotations, linux: { cgroupsPath } });
    await waitUntil(() => shown(unit, "ActiveState") === "failed", "systemd has ended it");
    return box;
  };
  await failed();
  assert.is(shown(unit, "LoadState"), "not-found");
  const run = ["--unit", unit, "--scope", "--property", "RuntimeMaxSec=0.3", "sleep", "60"];
  Bun.spawnSync(["systemd-run", ...run]);
  await waitUntil(() => shown(unit, "ActiveState") === "failed", "it has failed");
  using box = createdInScope({ linux: { cgroupsPath } });
  assert.is(shown(unit, "ActiveState"), "active");
  assert.is(box.state().status, "created");
});

test("an OOM kill leaves no failed unit behind delete", async () => {
  const hog = ["sh", "-c", "a=x; while :; do a=$a$a; done"];
  using box = startedInScope({
    args: hog,
    linux: { resources: { memory: { limit: 8 << 20, swap: 8 << 20 } } },
  });
  await box.until("stopped");
  box.delete();
  assert.is(shown(scopeOf(box), "LoadState"), "not-found");
});

nothingIsLeft();
test.run();
