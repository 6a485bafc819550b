/** One process that serves many containers: whoever has to wait for one of them holds up no other. */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OwnCaller } from "../../../src/agent/own-caller.ts";
import { remove } from "../../../src/container/delete.ts";
import { pause, resume } from "../../../src/container/pause.ts";
import { start } from "../../../src/container/start.ts";
import { Store } from "../../../src/container/state/store.ts";
import { CWD, close, mountWithData, openat, umount2 } from "../../../src/kernel/calls.ts";
import { MNT_DETACH, O_RDWR } from "../../../src/kernel/constants.ts";
import { here } from "../../../src/kernel/here.ts";
import { serveMany } from "../../../src/kernel/wait.ts";
import { pidsIn } from "../../../src/linux/cgroups/pids.ts";
import { removeCgroup } from "../../../src/linux/cgroups/remove.ts";
import { bundle, type Patch } from "../../harness/bundle.ts";
import { cgroup2Mount } from "../../harness/cgroups.ts";
import { freshDirectory, stateRoot, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { rejected } from "../../harness/rejected.ts";
import { Ticks } from "../../harness/ticks.ts";
import { waitUntil } from "../../harness/wait.ts";
import { SLEEP, script } from "../hooks/scripts.ts";
import { createIn, execIn, good, reaped } from "./lives.ts";

serveMany();
const store = new Store(stateRoot, new OwnCaller());
const ignore = () => {};
const another = good();

/** Lets another container live its life while `waiting` waits, and then ends that by `release`. Returns its result. */
async function beside<T>(waiting: Promise<T>, release: () => unknown): Promise<T> {
  let isOver = false;
  const result = waiting.finally(() => {
    isOver = true;
  });
  result.catch(ignore); // thrown below
  try {
    using ticks = new Ticks();
    await another(store, uniqueId());
    await Bun.sleep(300);
    assert.not(isOver);
    ticks.requireRegular();
  } finally {
    await release();
  }
  return await result;
}

/** A container that is started, and deleted in the end. */
async function started(patch: Patch = {}) {
  const id = uniqueId();
  const init = await createIn(store, bundle({ args: SLEEP, ...patch }).path, id);
  await start(store, id, ignore, null);
  const dispose = async () => {
    await remove(store, id, true, ignore);
    await reaped(store, init);
  };
  return { id, [Symbol.asyncDispose]: dispose };
}

test.before(() => another(store, uniqueId())); // what is loaded at first use is there

testTsrun("a hook that runs", async () => {
  const file = join(freshDirectory("notes"), "go-on");
  const { path } = bundle({
    args: SLEEP,
    hooks: { createRuntime: [script(`until [ -e ${file} ]; do sleep 0.02; done`)] },
  });
  const id = uniqueId();
  const init = await beside(createIn(store, path, id), () => writeFileSync(file, ""));
  await remove(store, id, true, ignore);
  await reaped(store, init);
});

testTsrun("a hook that prints without an end, until its time is up", async () => {
  const hook = script("while :; do echo chatter; done", { timeout: 2 });
  const { path } = bundle({ args: SLEEP, hooks: { createRuntime: [hook] } });
  const error = await rejected(beside(createIn(store, path, uniqueId()), ignore));
  assert.match(error.message, /timeout of 2.0s, and was killed; it said: chatter/);
});

testTsrun("a command that works on a container for which another one waits", async () => {
  await using box = await started();
  const held = store.open(box.id);
  await held.lock();
  await beside(pause(store, box.id), () => held[Symbol.dispose]());
  await resume(store, box.id);
});

testTsrun("an exec in a container that is paused", async () => {
  await using box = await started();
  await pause(store, box.id);
  const status = await beside(execIn(store, box.id, ["true"], true), () => resume(store, box.id));
  assert.is(status, 0);
});

testTsrun("a cgroup whose processes do not end", async () => {
  const path = join(cgroup2Mount(), uniqueId());
  mkdirSync(path);
  const child = spawn("sh", ["-c", `echo $$ >${path}/cgroup.procs && exec sleep 60`]);
  await waitUntil(() => pidsIn(path).length > 0, "a process is in it");
  await beside(removeCgroup(cgroup2Mount(), path), () => child.kill("SIGKILL"));
});

testTsrun("a program on a file system that does not answer", async () => {
  const { path, rootfs } = bundle({ args: ["/hung/program"] });
  const place = join(rootfs, "hung");
  mkdirSync(place);
  const server = here(openat(CWD, "/dev/fuse", O_RDWR));
  here(mountWithData("fuse", place, "fuse", `fd=${server},rootmode=40000,user_id=0,group_id=0`));
  const release = () => here(close(server));
  const error = await rejected(beside(createIn(store, path, uniqueId()), release));
  here(umount2(place, MNT_DETACH));
  assert.match(error.message, "/hung/program");
});

leavesNothing();
test.run();
