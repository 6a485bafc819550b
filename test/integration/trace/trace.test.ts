// Runs beside other files.
/** `--trace FILE`: timelines of commands. */
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS, namespaces, type Patch } from "../../harness/bundle.ts";
import { container } from "../../harness/container.ts";
import { freshDirectory, stateRoot, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint, runtime, succeeded } from "../../harness/runtime.ts";
import { slowness } from "../../harness/slowness.ts";
import { notebook, SLEEP, script, withHooks } from "../hooks/scripts.ts";
import { type Event, found, NOWHERE, only, readTrace, type Trace } from "./read-trace.ts";

const SECCOMP = {
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [{ names: ["swapon", "swapoff"], action: "SCMP_ACT_ERRNO", errnoRet: 1 }],
};

/** The timeline of a command. */
function tracedAs(name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Trace {
  const file = join(freshDirectory("trace"), name);
  runtime(args, { global: ["--trace", file], env });
  return readTrace(file);
}

const tracedRun = (patch: Patch): Trace =>
  tracedAs("run.json", ["run", "--bundle", bundle({ args: ["true"], ...patch }).path, uniqueId()]);

testTsrun("tsrun, the stage and the init are tracks, with system calls in symbols", () => {
  const trace = tracedRun({});
  assert.equal(trace.tracks.slice(0, 3), ["tsrun", "stage", "init"]);
  const clone = only(trace, "stage", /^\$\d+ clone3\(\{flags=CLONE_INTO_CGROUP\|.*\) = \d+$/);
  assert.is(clone.args.owner, "config.json: linux.namespaces");
  only(trace, "init", /^\$\d+ fsopen\("proc", FSOPEN_CLOEXEC\) = \d+$/);
  only(trace, "init", /mkdirat\(.*, 0755\) = EEXIST \(tolerated\)$/);
  only(trace, "tsrun", /^mkdirat\(AT_FDCWD, "\/sys\/fs\/cgroup\/.*", 0755\) = 0$/);
  only(trace, "tsrun", /^read\(\d+<.*config\.json>, ".*\) = \d+$/);
  only(trace, "init", /^\$\d+ execve\("\/bin\/true", \["true"\], <\d+ variables>\)$/);
});

testTsrun("the host agent of a container with a user namespace is a track, with what it opens", () => {
  const mapping = [{ containerID: 0, hostID: 0, size: 65_536 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mapping, gidMappings: mapping };
  const trace = tracedRun({ linux });
  assert.equal(trace.tracks, ["tsrun", "stage", "host agent", "init"]);
  only(trace, "host agent", /open_tree\(|openat2?\(/);
  only(trace, "tsrun", /^write\(\d+<\/proc\/\d+\/uid_map>, "0 0 65536/);
});

testTsrun("spans lie in one another: the command, its phases, the properties, the calls", () => {
  const trace = tracedRun({});
  for (const track of trace.tracks) {
    const open: Event[] = [];
    for (const event of trace.track(track)) {
      while (open.length > 0 && (open.at(-1)?.end ?? 0) <= event.ts) open.pop();
      const outer = open.at(-1);
      if (outer !== undefined)
        assert.ok(
          event.end <= outer.end + 1,
          `${JSON.stringify(event)} leaves ${JSON.stringify(outer)} on ${track}`,
        );
      open.push(event);
    }
  }
  const property = only(trace, "init", /^mounts\[0\] \(proc on \/proc\)$/);
  const call = only(trace, "init", /fsopen\("proc"/);
  assert.ok(property.ts <= call.ts && call.end <= property.end);
  const [whole] = trace.track("tsrun");
  assert.match(whole?.name ?? "", /^tsrun run /);
  for (const { ts, end } of trace.events)
    assert.ok(ts >= (whole?.ts ?? 0) - 1 && end <= (whole?.end ?? 0) + 1);
});

testTsrun("waiting is told from work, and the program is seen to run", () => {
  const trace = tracedRun({ linux: { namespaces: namespaces(), seccomp: SECCOMP } });
  const waits = trace.track("init").filter(({ cat }) => cat === "wait");
  assert.ok(waits.length > 0);
  for (const wait of waits) {
    assert.is(wait.name, "waits for tsrun");
    const inside = trace.track("init").filter(({ ts, end }) => ts > wait.ts && end < wait.end);
    assert.equal(inside, []);
  }
  assert.ok(trace.track("tsrun").some(({ cat }) => cat === "wait"));
  only(trace, "init", /^\/bin\/true runs$/);
});

testTsrun("the compilation of a seccomp profile is a span, and not made when it is kept", () => {
  // a profile that no other test has, or it would be there already
  const names = ["swapon", `none-${uniqueId()}`];
  const seccomp = { ...SECCOMP, syscalls: [{ ...SECCOMP.syscalls[0], names }] };
  const patch = { linux: { namespaces: namespaces(), seccomp } };
  const compiled = (trace: Trace) => trace.tracks.includes("libseccomp");
  assert.ok(compiled(tracedRun(patch)));
  assert.not(compiled(tracedRun(patch)));
});

testTsrun("create and start are traced apart, exec too", () => {
  using one = container({ args: SLEEP });
  const create = tracedAs("create.json", ["create", "--bundle", one.bundle.path, one.id]);
  assert.ok(create.tracks.includes("init"));
  assert.is(found(create, "init", /runs$/).length, 0);
  const start = tracedAs("start.json", ["start", one.id]);
  only(start, "init", /^executes \/bin\/sleep$/);
  only(start, "init", /^\/bin\/sleep runs$/);
  const exec = tracedAs("exec.json", ["exec", one.id, "true"]);
  only(exec, "stage", /setns\(/);
  only(exec, "init", /^\/bin\/true runs$/);
});

testTsrun("hooks have tracks, and get the TRACEPARENT of their spans", () => {
  const notes = notebook();
  const note = 'echo "$TRACEPARENT" >> $NOTES';
  const kinds = { createRuntime: note, createContainer: note, startContainer: note, poststart: note };
  const { path } = bundle(withHooks(notes, kinds, { args: ["true"] }));
  const [traceId, parentId] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
  const trace = tracedAs("hooks.json", ["run", "--bundle", path, uniqueId()], {
    TRACEPARENT: `00-${traceId}-${parentId}-01`,
  });
  assert.is(trace.otherData.traceId, traceId);
  assert.is(trace.otherData.parentSpanId, parentId);
  const [whole] = trace.track("tsrun");
  assert.is(whole?.args.parentSpanId, parentId);
  assert.is(whole?.args.spanId, trace.otherData.spanId);
  const said = notes.read().trim().split("\n");
  for (const [index, kind] of Object.keys(kinds).entries()) {
    assert.ok(trace.tracks.includes(`${kind}[0]`), trace.tracks.join(" "));
    only(trace, `${kind}[0]`, /^\/bin\/sh runs$/);
    const span = only(trace, "tsrun", new RegExp(`^waits for hooks\\.${kind}\\[0\\]`));
    assert.is(said[index], `00-${traceId}-${span.args.spanId}-01`);
  }
});

testTsrun("without --trace hooks get the caller's TRACEPARENT; one in config.json stays", () => {
  const notes = notebook();
  const { path } = bundle(
    withHooks(notes, { createRuntime: 'echo "$TRACEPARENT" >> $NOTES' }, { args: ["true"] }),
  );
  succeeded(runtime(["run", "--bundle", path, uniqueId()]));
  assert.is(notes.read(), "\n");
  const [hook] = JSON.parse(readFileSync(join(path, "config.json"), "utf8")).hooks.createRuntime;
  const config = JSON.parse(readFileSync(join(path, "config.json"), "utf8"));
  config.hooks.createRuntime = [{ ...hook, env: [...hook.env, "TRACEPARENT=own"] }];
  writeFileSync(join(path, "config.json"), JSON.stringify(config));
  tracedAs("own.json", ["run", "--bundle", path, uniqueId()]);
  assert.is(notes.read(), "\nown\n");
});

testTsrun("a TRACEPARENT that is none begins a new trace", () => {
  const { path } = bundle({ args: ["true"] });
  const trace = tracedAs("none.json", ["run", "--bundle", path, uniqueId()], {
    TRACEPARENT: `00-${"0".repeat(32)}-b7ad6b7169203331-01`,
  });
  assert.match(trace.otherData.traceId, /^(?!0{32})[0-9a-f]{32}$/);
  assert.is(trace.otherData.parentSpanId, undefined);
});

testTsrun("a create that fails is written too, with the failing step", () => {
  const mounts = [
    ...DEFAULT_MOUNTS,
    { destination: "/x", type: "tmpfs", source: "tmpfs", options: ["szie=1"] },
  ];
  const trace = tracedRun({ mounts });
  const failed = trace.track("init").filter(({ cat }) => cat.endsWith(",failed"));
  assert.match(failed.at(-1)?.args.call ?? "", /^\$\d+ fsconfig\(.*"szie", "1"\) = EINVAL$/);
  assert.is(failed.at(-1)?.cname, "terrible");
  assert.match(
    trace.otherData.error ?? "",
    /^config\.json: mounts\[\d+\] \(tmpfs on \/x\): fsconfig .*EINVAL/,
  );
  only(trace, "tsrun", /^unlinkat\(AT_FDCWD, .*, AT_REMOVEDIR\) = 0$/);
});

testTsrun("a call of tsrun's that fails is marked, and an error without a call is told", () => {
  const one = tracedAs("gone.json", ["start", "nobody"]);
  assert.match(one.otherData.error ?? "", /nobody/);
  const { path } = bundle();
  const pidFile = tracedAs("pid.json", [
    "create",
    "--bundle",
    path,
    "--pid-file",
    `${NOWHERE}/pid`,
    uniqueId(),
  ]);
  assert.match(pidFile.otherData.error ?? "", /pid-file/);
});

testTsrun("a file that can't be written is refused before anything is made", () => {
  const { path } = bundle();
  const outcome = runtime(["create", "--bundle", path, uniqueId()], {
    global: ["--trace", `${NOWHERE}/x.svg`],
  });
  assert.is(outcome.status, 1);
  assert.is(
    complaint(outcome),
    `tsrun: error: --trace ${NOWHERE}/x.svg: cannot be written: ENOENT (no such file or directory)`,
  );
  assert.equal(readdirSync(stateRoot), []);
});

testTsrun("only its user may read a timeline, and one that is there is replaced", () => {
  const directory = freshDirectory("trace");
  const file = join(directory, "new.json");
  runtime(["state", "nobody"], { global: ["--trace", file] });
  assert.is(statSync(file).mode & 0o777, 0o600);
  writeFileSync(file, "x".repeat(1_000_000));
  runtime(["state", "nobody"], { global: ["--trace", file] });
  readTrace(file);
});

testTsrun("serve has no timeline", () => {
  const outcome = runtime(["serve"], { global: ["--trace", join(freshDirectory("trace"), "x")] });
  assert.match(complaint(outcome), /^tsrun: error: serve: --trace shows a single command/);
});

testTsrun("--trace and --debug tell the same", () => {
  const file = join(freshDirectory("trace"), "both.json");
  const { path } = bundle({ args: ["true"] });
  const { stderr } = runtime(["run", "--bundle", path, uniqueId()], { global: ["--trace", file, "--debug"] });
  const calls = readTrace(file)
    .track("init")
    .flatMap(({ args: { call } }) => call ?? []);
  const steps = stderr.split("\n").flatMap((line) => /µs {2}(\$\d+ .*)$/.exec(line)?.[1] ?? []);
  assert.ok(steps.length > 100, stderr);
  for (const step of steps.filter((one) => one.includes("fsopen"))) assert.ok(calls.includes(step), step);
});

testTsrun("tsrun is seen to wait for a hook, also where it serves others meanwhile", () => {
  const directory = freshDirectory("traces");
  const hooks = { createRuntime: [script(`sleep ${0.3 * slowness}`)] };
  using one = container({ hooks, annotations: { "org.tsrun.trace": directory } });
  one.create();
  const trace = readTrace(join(directory, `${one.id}.create.json`));
  const hook = only(trace, "createRuntime[0]", /^\/bin\/sh runs$/);
  const waits = trace
    .track("tsrun")
    .filter(({ cat, ts, end }) => cat === "wait" && end > hook.ts && ts < hook.end);
  const waited = waits.reduce((sum, { dur }) => sum + dur, 0);
  assert.ok(hook.dur > 300_000 * slowness && waited > hook.dur * 0.8, `waited ${waited} of ${hook.dur} µs`);
  assert.is(found(trace, "stage", /runs$/).length, 0);
});

leavesNothing();
test.run();
