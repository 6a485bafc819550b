/** One process that makes containers for several callers: src/container as a library. */
import { mkdirSync, readlinkSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readBundle } from "../../../src/container/bundle.ts";
import { create } from "../../../src/container/create.ts";
import { remove } from "../../../src/container/delete.ts";
import { start } from "../../../src/container/start.ts";
import { bundle } from "../../harness/bundle.ts";
import { cgroup2Mount } from "../../harness/cgroups.ts";
import { freshDirectory, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { waitUntil } from "../../harness/wait.ts";
import { notebook, script } from "../hooks/scripts.ts";
import { type CallerProcess, callerProcess, plain } from "./callers.ts";
import { runToEnd } from "./example.ts";

/** What the container's process tells of itself, a line each. */
const SHOWN = {
  host: "hostname",
  oomScore: "cat /proc/self/oom_score_adj",
  files: "ulimit -Sn",
  network: "readlink /proc/self/ns/net",
  cgroup: "sed -n 's/^0:://p' /proc/self/cgroup",
};

/** A container that tells what it has got from its caller, with a hook that tells the rest. */
function telling() {
  const notes = notebook();
  const hook = script(`echo "$WHO" "$(umask)" "$(id -G)" "$(grep CapBnd /proc/self/status)" > ${notes.file}`);
  const made = bundle({
    args: ["sh", "-c", [...Object.values(SHOWN), "echo done"].join("; ")],
    process: { rlimits: undefined },
    hostname: undefined,
    linux: { namespaces: [{ type: "pid" }, { type: "mount" }, { type: "ipc" }], cgroupsPath: undefined },
    hooks: { createRuntime: [{ path: "/bin/sh", args: hook["args"] ?? [] }] },
  });
  return { made, notes };
}

/** Whether CAP_NET_RAW is in the bounding set that the hook has told. */
const hasNetRaw = (told: string) => ((BigInt(`0x${told.trim().split(/\s+/).at(-1)}`) >> 13n) & 1n) === 1n;

/** A container's life for one caller, of a bundle in its working directory. Returns what it told. */
async function lifeFor({ store, caller, printed }: CallerProcess, id: string): Promise<readonly string[]> {
  const { directory, agent } = await create(store, readBundle(".", caller), plain(id));
  agent[Symbol.dispose]();
  directory[Symbol.dispose]();
  await start(store, id, assert.unreachable, null);
  await waitUntil(() => printed().endsWith("done\n"), `${id} has told`);
  await remove(store, id, true, assert.unreachable);
  return printed().trimEnd().split("\n");
}

testTsrun("two callers that differ in all that they bring get containers from one process", async () => {
  const id = uniqueId();
  const group = join(cgroup2Mount(), `callers-${id}`);
  mkdirSync(join(group, "inner"), { recursive: true });
  const [one, other] = [telling(), telling()];
  const files = freshDirectory("output");
  try {
    await using first = await callerProcess(
      'umask 027; ulimit -Sn 333; echo 111 >/proc/self/oom_score_adj; exec "$@"',
      join(files, "first"),
      { cwd: one.made.path, env: { PATH: "/bin:/usr/bin", WHO: "first" } },
    );
    await using second = await callerProcess(
      `umask 002; ulimit -Sn 555; echo 222 >/proc/self/oom_score_adj; echo 0 >${group}/inner/cgroup.procs
      exec setpriv --groups 50,60 --bounding-set -net_raw unshare --net --uts \\
        sh -c 'hostname of-second; exec "$@"' sh "$@"`,
      join(files, "second"),
      { cwd: other.made.path, env: { PATH: "/bin:/usr/bin:/sbin:/usr/sbin", WHO: "second" } },
    );
    const [a, b] = await Promise.all([first, second].map((each, at) => lifeFor(each, `${id}-${at}`)));
    const network = (each: CallerProcess) => readlinkSync(`/proc/${each.process.pid}/ns/net`);
    assert.is(a?.[0] === "of-second", false);
    assert.equal(a?.slice(1, 4), ["111", "333", network(first)]);
    assert.equal(b, ["of-second", "222", "555", network(second), `/callers-${id}/${id}-1`, "done"]);
    assert.is.not(network(first), network(second));
    assert.match(one.notes.read(), /^first 0027 0/);
    assert.match(other.notes.read(), /^second 0002 0 50 60 /);
    assert.equal(
      [one, other].map(({ notes }) => hasNetRaw(notes.read())),
      [true, false],
    );
  } finally {
    rmdirSync(join(group, "inner"));
    rmdirSync(group);
  }
});

testTsrun("the documentation's example runs a container to its end", async () => {
  const { path } = bundle({ args: ["sh", "-c", "exit 3"] });
  assert.is(await runToEnd(freshDirectory("root"), path, uniqueId()), 3 << 8);
});

leavesNothing();
test.run();
