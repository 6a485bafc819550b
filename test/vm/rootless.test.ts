// Runs beside other files.
import { chownSync, existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { uniqueId } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { call, own, owned, ran, UID } from "../harness/ordinary-user.ts";
import { complaint, silent, succeeded } from "../harness/runtime.ts";
import { type Parent, parentCgroup } from "./cgroup.ts";

/** A cgroup with controllers that is the user's (cgroups(7), "Delegation"), and one in there for the user's shells. */
function delegated(): Parent {
  const cgroup = parentCgroup("memory", "pids");
  mkdirSync(`${cgroup.path}/shells`);
  const files = [
    "",
    "/cgroup.procs",
    "/cgroup.subtree_control",
    "/cgroup.threads",
    "/shells",
    "/shells/cgroup.procs",
  ];
  for (const file of files) chownSync(cgroup.path + file, UID, UID);
  return cgroup;
}

/** The caller is one of the user's shells. */
const from = ({ path }: Parent) => ["sh", "-c", `echo $$ >${path}/shells/cgroup.procs && exec "$@"`, "sh"];

test("in a cgroup that was delegated an ordinary user's containers have limits", async () => {
  await using cgroup = delegated();
  using box = owned(uniqueId());
  const linux = {
    cgroupsPath: `${cgroup.name}/box`,
    resources: {
      pids: { limit: 7 },
      memory: { limit: 64 << 20 },
      devices: [{ allow: false, access: "rwm" }],
    },
  };
  const path = own({ args: ["sleep", "60"], linux });
  silent(call(["run", "--detach", "--bundle", path, box.id], { through: from(cgroup) }));
  assert.is(readFileSync(`${cgroup.path}/box/pids.max`, "utf8"), "7\n");
  assert.is(readFileSync(`${cgroup.path}/box/memory.max`, "utf8"), `${64 << 20}\n`);
  const { pid } = JSON.parse(silent(call(["state", box.id])).stdout);
  assert.is(readFileSync(`${cgroup.path}/box/cgroup.procs`, "utf8"), `${pid}\n`);
  assert.match(
    succeeded(call(["exec", box.id, "cat", "/proc/self/cgroup"], { through: from(cgroup) })).stdout,
    /0::/,
  );
  silent(call(["update", "--pids-limit", "9", box.id]));
  assert.is(readFileSync(`${cgroup.path}/box/pids.max`, "utf8"), "9\n");
  silent(call(["pause", box.id]));
  assert.is(JSON.parse(silent(call(["state", box.id])).stdout).status, "paused");
  silent(call(["resume", box.id]));
  silent(call(["delete", "--force", box.id]));
  assert.not(existsSync(`${cgroup.path}/box`));
  rmdirSync(`${cgroup.path}/shells`);
});

test("a limit without a cgroup to have it in is refused with what to do", () => {
  const outcome = ran({ args: ["true"], linux: { resources: { pids: { limit: 7 } } } });
  assert.match(complaint(outcome), /linux\.resources\.pids\.limit: limits need a cgroup, .*Delegate=yes/);
});

leavesNothing();
test.run();
