// Runs beside other files.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS, namespaces, type Patch } from "../../harness/bundle.ts";
import { started } from "../../harness/container.ts";
import { testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { runtime, startRuntime } from "../../harness/runtime.ts";

const DEBUG = { global: ["--debug"] };
/** When it began and what it took, in microseconds. */
const TIMES = /^ +(?<at>\d+) µs +(?:(?<took>\d+) µs)? {2}(?<text>.*)$/;

interface Told {
  readonly heading: string;
  readonly at: number;
  readonly took: number;
  readonly text: string;
}

function debugged(patch: Patch): { readonly told: readonly Told[]; readonly stderr: string } {
  const { path } = bundle({ args: ["true"], ...patch });
  const { stderr } = runtime(["run", "--bundle", path, uniqueId()], DEBUG);
  let heading = "";
  const told: Told[] = [];
  for (const line of stderr.split("\n")) {
    const { at = "", took = "0", text = "" } = TIMES.exec(line)?.groups ?? {};
    if (line.startsWith("# ")) heading = line;
    else if (at !== "") told.push({ heading, at: Number(at), took: Number(took), text });
  }
  return { told, stderr };
}

testTsrun("--debug tells what tsrun and the agents did, in the order in which they began", () => {
  const { told, stderr } = debugged({ process: { oomScoreAdj: 100 } });
  assert.ok(told.length > 100, stderr);
  assert.equal(
    told.map(({ at }) => at),
    told.map(({ at }) => at).toSorted((a, b) => a - b),
  );
  const find = (heading: RegExp, text: RegExp) => {
    const index = told.findIndex((one) => heading.test(one.heading) && text.test(one.text));
    assert.ok(index >= 0, `no ${text} below ${heading} in\n${stderr}`);
    return index;
  };
  const places = [
    find(/^# tsrun: config.json: linux.cgroupsPath$/, /^mkdirat\(AT_FDCWD, ".*", 0755\) = 0$/),
    find(/^# stage: config.json: linux.namespaces$/, /^\$\d+ clone3\(\{flags=CLONE_INTO_CGROUP\|.*\) = \d+$/),
    find(/^# init: config.json: mounts\[0\]/, /^\$\d+ fsopen\("proc", FSOPEN_CLOEXEC\) = \d+$/),
    find(/^# tsrun: process.oomScoreAdj$/, /^write\(\d+<\/proc\/\d+\/oom_score_adj>, "100", 3\) = 3$/),
  ];
  assert.equal(
    places,
    places.toSorted((a, b) => a - b),
  );
  find(/^# init: config.json: mounts/, /^\$\d+ mkdirat\(.*, 0755\) = EEXIST \(tolerated\)$/);
  assert.match(
    stderr,
    /^# init: process.args\[0\]\n(.*\n)? {20,}\$\d+ execve\("\/bin\/true", \["true"\], <\d+ variables>\)$/m,
  );
});

testTsrun("--debug tells work and waiting apart", () => {
  const { told, stderr } = debugged({});
  const waits = told.filter(({ text }) => text === "waits for tsrun");
  assert.ok(waits.some(({ heading }) => heading.startsWith("# init")));
  const [, all = 0, worked = 0, waited = 0] =
    /^# (\d+) µs: tsrun worked .* init worked (\d+) µs, waited (\d+) µs/m.exec(stderr)?.map(Number) ?? [];
  assert.ok(worked > 0 && waited > 0 && worked + waited < all, stderr);
  const sum = waits.reduce((time, { heading, took }) => time + (heading.startsWith("# init") ? took : 0), 0);
  assert.ok(Math.abs(sum - waited) <= waits.length, `${sum} µs of ${waited} µs`);
});

testTsrun("--debug tells the error that ended a creation, and what was taken back", () => {
  const { told, stderr } = debugged({
    mounts: [...DEFAULT_MOUNTS, { destination: "/x", type: "tmpfs", source: "tmpfs", options: ["szie=1"] }],
  });
  const failed = told.findIndex(({ text }) => /^\$\d+ fsconfig\(.*"szie", "1"\) = EINVAL$/.test(text));
  const removed = told.findIndex(({ text }) => /^unlinkat\(AT_FDCWD, .*, AT_REMOVEDIR\) = 0$/.test(text));
  assert.ok(failed >= 0 && removed > failed, stderr);
});

testTsrun("times of --debug are those of the host, also in a time namespace", () => {
  const { told } = debugged({
    linux: {
      namespaces: [...namespaces(), { type: "time" }],
      timeOffsets: { monotonic: { secs: 86_400 } },
    },
  });
  assert.ok(told.some(({ heading }) => heading.startsWith("# init")));
  for (const { at } of told) assert.ok(at < 60_000_000, `${at} µs`);
});

testTsrun("--debug asks no clock in a process that may be killed for it", () => {
  const seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["clock_gettime"], action: "SCMP_ACT_KILL_PROCESS" }],
  };
  using one = started({ args: ["sleep", "60"], linux: { namespaces: namespaces(), seccomp } });
  const { told, stderr: said } = debugged({ linux: { namespaces: namespaces(), seccomp } });
  assert.ok(
    told.some(({ text }) => /^\$\d+ madvise\(.*\) = 0$/.test(text)),
    "it is traced until it is parked",
  );
  assert.not.match(said, /error/);
  const { stderr, status } = runtime(["exec", one.id, "true"], DEBUG);
  assert.is(status, 0, stderr);
  assert.match(stderr, /^# init: config.json: linux.seccomp\n +\$\d+ seccomp\(SECCOMP_SET_MODE_FILTER, /m);
});

testTsrun("commands that run at the same time tell of their own acts alone", async () => {
  const names = Array.from({ length: 6 }, (_, index) => `debug-host-${index}`);
  const runs = names.map((hostname) => {
    const { path } = bundle({ args: ["true"], hostname, linux: { namespaces: namespaces({ uts: true }) } });
    return startRuntime(["run", "--bundle", path, uniqueId()], DEBUG);
  });
  for (const [index, run] of runs.entries()) {
    const { status, stderr } = await run.ended();
    assert.is(status, 0);
    const told = [...new Set(stderr.match(/debug-host-\d/g))];
    assert.equal(told, [names[index]], stderr);
    const places = new Set(stderr.match(/debug-\d+(?=-)/g));
    assert.is(places.size, 1, `tells of ${[...places].join(" ")}`);
  }
});

leavesNothing();
test.run();
