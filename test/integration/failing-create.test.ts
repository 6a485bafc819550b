// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, namespaces, type Patch } from "../harness/bundle.ts";
import { container } from "../harness/container.ts";
import { testTsrun, uniqueId } from "../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../harness/leaks.ts";
import { runtime } from "../harness/runtime.ts";
import { eachCall } from "./failing/each-call.ts";
import { compileFailing, type Ended, failingAt } from "./failing/runtime.ts";

const SLEEP = ["sleep", "60"];
const IDS = [{ containerID: 0, hostID: 100000, size: 65536 }];

/** What has most of what tsrun makes: ids, hooks that leave a process, a tmpfs that is filled, a seccomp filter. */
const RICH: Patch = {
  linux: {
    namespaces: namespaces({ user: true, cgroup: true }),
    uidMappings: IDS,
    gidMappings: IDS,
    seccomp: { defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["swapon"], action: "SCMP_ACT_ERRNO" }] },
  },
  hooks: {
    createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", "true"] }],
    createContainer: [{ path: "/bin/sh", args: ["sh", "-c", "true"] }],
  },
};

test.before(compileFailing);

/** Calls that make a container, each with a new id. What one of them has made is deleted when it has succeeded. */
function making(verb: "create" | "run", patch: Patch) {
  const { path } = bundle(patch);
  return (place: string | null): Ended => {
    const id = uniqueId();
    const ended = failingAt(place, [verb, "--bundle", path, id]);
    if (verb === "run" && ended.status === 0) assert.is(ended.stdout, "ran\n", `${place}`);
    // The container of a `run` has done what it should when it can't be removed: then it is there, and stopped.
    const isMade = verb === "create" ? ended.status === 0 : ended.stdout !== "";
    if (isMade) runtime(["delete", "--force", id]);
    return ended;
  };
}

testTsrun("a create of which any system call fails leaves nothing", async () => {
  await eachCall(making("create", { args: SLEEP }));
});

testTsrun("a create with a user namespace, hooks and a filter leaves nothing, either", async () => {
  await eachCall(making("create", { args: SLEEP, ...RICH }));
});

testTsrun("a run of which any system call fails leaves nothing that delete does not remove", async () => {
  await eachCall(making("run", { args: ["echo", "ran"] }));
});

testTsrun("a create that runs out of descriptors leaves nothing, however many it had", async () => {
  const nothingNew = watchLeaks();
  let said = "";
  for (let limit = 4; limit < 64; limit++) {
    using box = container({ args: SLEEP, process: { rlimits: [] } });
    const through = ["prlimit", `--nofile=${limit}`];
    const { status, stderr } = runtime(["create", "--bundle", box.bundle.path, box.id], { through });
    if (status === 0) return;
    said = stderr;
    await nothingNew(`with ${limit} descriptors: ${said}`);
  }
  assert.unreachable(said);
});

leavesNothing();
test.run();
