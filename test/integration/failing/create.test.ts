// Runs beside other files.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { container } from "../../harness/container.ts";
import { freshDirectory, testTsrun } from "../../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../../harness/leaks.ts";
import { runtime } from "../../harness/runtime.ts";
import { eachCall } from "./each-call.ts";
import { making } from "./making.ts";
import { compileFailing } from "./runtime.ts";

const SLEEP = ["sleep", "60"];

test.before(compileFailing);

testTsrun("a create of which any system call fails leaves nothing", async () => {
  await eachCall(making("create", { args: SLEEP }));
});

testTsrun("so does one with a file for its output, of which nothing is left either", async () => {
  let file = "";
  const flags = () => {
    file = join(freshDirectory("output"), "log");
    return ["--output", file];
  };
  const create = making("create", { args: SLEEP }, flags);
  await eachCall((place) => {
    const ended = create(place);
    const isRemoved = !place?.includes("unlinkat"); // else that is what failed
    if (ended.status !== 0 && isRemoved) assert.not(existsSync(file), `${place}\n${ended.stderr}`);
    return ended;
  });
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
