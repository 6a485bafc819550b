import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Bundle, bundle, DEFAULT_MOUNTS } from "../../harness/bundle.ts";
import { containerOf, started } from "../../harness/container.ts";
import { freshDirectory, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../../harness/leaks.ts";
import { complaint, runtime, silent, startRuntime, succeeded } from "../../harness/runtime.ts";

const SLEEP = ["sleep", "60"];

test("50 containers one after another leave nothing", async () => {
  const nothingLeft = watchLeaks();
  const ephemeral = bundle({ args: ["echo", "hello"] });
  for (let n = 0; n < 50; n++) {
    const box = containerOf(ephemeral, uniqueId());
    box.create();
    box.start();
    await box.until("stopped");
    assert.is(box.printed(), "hello\n");
    box.delete();
  }
  await nothingLeft("after 50");
});

test("20 runs at once all succeed, and leave nothing", async () => {
  const nothingLeft = watchLeaks();
  const { path } = bundle({ args: ["sh", "-c", "sleep 0.1; echo hello; exit 3"] });
  const runs = Array.from({ length: 20 }, () => startRuntime(["run", "--bundle", path, uniqueId()]));
  for (const outcome of await Promise.all(runs.map((run) => run.ended()))) {
    assert.is(outcome.stdout, "hello\n", outcome.stderr);
    assert.is(outcome.status, 3);
  }
  await nothingLeft("after 20");
});

test("20 creates, starts and deletes at once keep apart", async () => {
  const nothingLeft = watchLeaks();
  const { path } = bundle({ args: SLEEP });
  const ids = Array.from({ length: 20 }, () => uniqueId());
  const all = async (...verb: string[]) => {
    const calls = ids.map((id) => startRuntime([...verb, id]));
    for (const call of calls) silent(await call.ended());
  };
  try {
    await all("create", "--bundle", path);
    await all("start");
    const listed = JSON.parse(silent(runtime(["list", "--format", "json"])).stdout) as { status: string }[];
    assert.is(listed.filter(({ status }) => status === "running").length, 20);
  } finally {
    await all("delete", "--force");
  }
  await nothingLeft("after 20");
});

test("20 execs at once into one container all succeed", async () => {
  using box = started({ args: SLEEP });
  const calls = Array.from({ length: 20 }, (_, n) => startRuntime(["exec", box.id, "echo", String(n)]));
  const outcomes = await Promise.all(calls.map((call) => call.ended()));
  assert.equal(
    outcomes.map(({ stdout }) => stdout),
    Array.from({ length: 20 }, (_, n) => `${n}\n`),
  );
});

/** How long a call takes here, in milliseconds. */
function duration(call: () => void): number {
  const began = performance.now();
  call();
  return performance.now() - began;
}

/** Moments spread over `length` milliseconds and a little more. */
function momentsOf(length: number, count: number): number[] {
  return Array.from({ length: count }, (_, n) => ((n + Math.random()) / count) * length * 1.2);
}

async function killedAfter(moment: number, args: readonly string[]): Promise<void> {
  await using call = startRuntime(args);
  await Bun.sleep(moment);
  call.child.kill("SIGKILL");
  await call.ended();
}

/** The time a create takes, from a first and a second one. */
function createDuration(made: Bundle): number {
  const once = () => {
    using box = containerOf(made, uniqueId());
    return duration(() => box.create());
  };
  once();
  return once();
}

testTsrun("a create that fails once its process is there leaves nothing, time after time", async () => {
  const nothingLeft = watchLeaks();
  const missing = { destination: "/volume", type: "bind", source: "/not/there", options: ["rbind"] };
  const { path } = bundle({ mounts: [...DEFAULT_MOUNTS, missing] });
  for (let round = 0; round < 10; round++) {
    const outcome = runtime(["create", "--bundle", path, uniqueId()]);
    assert.match(complaint(outcome), /\/not\/there/);
    await nothingLeft("of a create that failed");
  }
});

testTsrun("a create that is killed leaves nothing that delete --force can't remove", async () => {
  const nothingLeft = watchLeaks();
  const made = bundle({ args: SLEEP });
  for (const moment of momentsOf(createDuration(made), 30)) {
    const id = uniqueId();
    await killedAfter(moment, ["create", "--bundle", made.path, id]);
    silent(runtime(["delete", "--force", id]));
    await nothingLeft(`of a create killed after ${moment.toFixed(1)} ms`);
  }
});

testTsrun("delete --force while create is at work leaves nothing, whoever is first", async () => {
  const nothingLeft = watchLeaks();
  const made = bundle({ args: SLEEP });
  for (const moment of momentsOf(createDuration(made), 15)) {
    const id = uniqueId();
    await using create = startRuntime(["create", "--bundle", made.path, id]);
    await Bun.sleep(moment);
    silent(runtime(["delete", "--force", id]));
    await create.ended();
    silent(runtime(["delete", "--force", id]));
    await nothingLeft(`of a create and a delete ${moment.toFixed(1)} ms later`);
  }
});

testTsrun("an id whose create was killed is free after delete --force", async () => {
  const made = bundle({ args: SLEEP });
  for (const moment of momentsOf(createDuration(made), 5)) {
    using box = containerOf(made, uniqueId());
    await killedAfter(moment, ["create", "--bundle", made.path, box.id]);
    silent(box.call("delete", "--force"));
    box.create();
    assert.is(box.state().status, "created");
  }
});

testTsrun("state and list say something sensible of a container whose create was killed", async () => {
  const made = bundle({ args: SLEEP });
  for (const moment of momentsOf(createDuration(made), 10)) {
    using box = containerOf(made, uniqueId());
    await killedAfter(moment, ["create", "--bundle", made.path, box.id]);
    const { status, stdout, stderr } = box.call("state");
    if (status === 0) assert.match(JSON.parse(stdout).status, /^(creating|created|stopped)$/);
    else assert.match(stderr, /does not exist|has no state: its creator was killed, .*delete --force/);
    silent(runtime(["list"]));
  }
});

test("a start that is killed leaves a container that delete --force removes", async () => {
  const nothingLeft = watchLeaks();
  const made = bundle({ args: SLEEP });
  for (const moment of momentsOf(createDuration(made), 10)) {
    using box = containerOf(made, uniqueId());
    box.create();
    await killedAfter(moment, ["start", box.id]);
    assert.match(box.state().status, /^(created|running|stopped)$/);
    box.delete("--force");
    await nothingLeft(`of a start killed after ${moment.toFixed(1)} ms`);
  }
});

testTsrun("a foreground run that is killed leaves a container that delete --force removes", async () => {
  const nothingLeft = watchLeaks();
  const made = bundle({ args: SLEEP });
  for (const moment of momentsOf(createDuration(made) * 2, 10)) {
    using box = containerOf(made, uniqueId());
    await killedAfter(moment, ["run", "--bundle", made.path, box.id]);
    succeeded(box.call("delete", "--force"));
    await nothingLeft(`of a run killed after ${moment.toFixed(1)} ms`);
  }
});

test("a container that writes a lot and ends at once loses nothing", () => {
  const made = bundle({ args: ["sh", "-c", "seq 1 100000"] });
  for (let n = 0; n < 5; n++) {
    const { stdout } = succeeded(runtime(["run", "--bundle", made.path, uniqueId()]));
    assert.is(stdout.trimEnd().split("\n").length, 100_000);
  }
});

test("a pid file appears whole or not at all", async () => {
  const made = bundle({ args: SLEEP });
  const file = join(freshDirectory("pid"), "pid");
  using box = containerOf(made, uniqueId());
  const call = startRuntime(["create", "--bundle", made.path, "--pid-file", file, box.id]);
  const seen = new Set<string>();
  let done = false;
  const watcher = (async () => {
    while (!done) {
      seen.add(
        await Bun.file(file)
          .text()
          .catch(() => "none yet"),
      );
      await Bun.sleep(0);
    }
  })();
  silent(await call.ended());
  done = true;
  await watcher;
  assert.is(readFileSync(file, "utf8"), String(box.pid()));
  assert.not(
    [...seen].some((text) => text !== "none yet" && text !== String(box.pid())),
    [...seen].join("|"),
  );
});

leavesNothing();
test.run();
