// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { container } from "../harness/container.ts";
import { testTsrun } from "../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../harness/leaks.ts";
import { runtime } from "../harness/runtime.ts";
import { eachCall } from "./failing/each-call.ts";
import { making } from "./failing/making.ts";
import { compileFailing } from "./failing/runtime.ts";

const SLEEP = ["sleep", "60"];

test.before(compileFailing);

testTsrun("a create of which any system call fails leaves nothing", async () => {
  await eachCall(making("create", { args: SLEEP }));
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
