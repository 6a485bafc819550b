// Runs beside other files.
import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, namespaces } from "../../harness/bundle.ts";
import { container, containerOf, ran, ranIn } from "../../harness/container.ts";
import { runtimePath, stateRoot, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../../harness/leaks.ts";
import { commandLine, processes } from "../../harness/processes.ts";
import { complaint, runtime, silent } from "../../harness/runtime.ts";
import { waitUntil } from "../../harness/wait.ts";
import { KINDS, live, notebook, PATH, SLEEP, script, withHooks } from "./scripts.ts";

const FAILING = "echo first line >&2; echo second line; exit 3";

for (const kind of ["prestart", "createRuntime", "createContainer"] as const) {
  testTsrun(
    `a failed ${kind} hook fails create in one line, leaves nothing, and no other but poststop runs`,
    async () => {
      const nothingLeft = watchLeaks();
      const notes = notebook();
      const others = Object.fromEntries(KINDS.map((other) => [other, `echo ${other} >> $NOTES`]));
      const pidFile = join(notes.directory, "pid");
      using one = container(
        withHooks(notes, { ...others, [kind]: ["true", FAILING, `echo ${kind} >> $NOTES`] }),
      );
      const said = complaint(runtime(["create", "--bundle", one.bundle.path, "--pid-file", pidFile, one.id]));
      assert.match(
        said,
        new RegExp(
          `hooks\\.${kind}\\[1\\] \\(/bin/sh\\): error running ${kind} hook #1: exit status 3; it said: first line \\| second line$`,
        ),
      );
      await nothingLeft("of the failed create");
      assert.not(existsSync(pidFile));
      const before = KINDS.slice(0, KINDS.indexOf(kind));
      assert.is(notes.read(), [...before, "poststop"].map((other) => `${other}\n`).join(""));
    },
  );
}

testTsrun("a failed startContainer hook fails start in one line, and the container is gone", async () => {
  const nothingLeft = watchLeaks();
  const notes = notebook();
  const scripts = {
    startContainer: FAILING,
    poststart: "echo poststart >> $NOTES",
    poststop: "echo poststop >> $NOTES",
  };
  using one = container(withHooks(notes, scripts, { args: ["sh", "-c", "echo program >> /home/notes"] }));
  one.create();
  const said = complaint(one.call("start"));
  assert.match(said, /hooks\.startContainer\[0\] \(\/bin\/sh\).*exit status 3.*first line \| second line/);
  await nothingLeft("of the container");
  assert.is(notes.read(), "poststop\n");
});

testTsrun("a run whose startContainer hook fails leaves nothing", async () => {
  const nothingLeft = watchLeaks();
  const { path } = bundle(withHooks(notebook(), { startContainer: "exit 1" }));
  assert.match(complaint(ranIn(path)), /hooks\.startContainer\[0\].*exit status 1$/);
  await nothingLeft("of the run");
});

testTsrun("a create that fails after its hooks runs the poststop hooks", () => {
  const notes = notebook();
  using one = container(
    withHooks(
      notes,
      { createRuntime: "echo made >> $NOTES", poststop: "echo undone >> $NOTES" },
      { args: ["/none"] },
    ),
  );
  assert.match(complaint(runtime(["create", "--bundle", one.bundle.path, one.id])), /process\.args\[0\]/);
  assert.is(notes.read(), "made\nundone\n");
});

testTsrun("a hook that a signal kills is a failure that names it", () => {
  using one = container({ args: SLEEP, hooks: { createRuntime: [script("kill -SEGV $$")] } });
  assert.match(
    complaint(runtime(["create", "--bundle", one.bundle.path, one.id])),
    /createRuntime\[0\].*killed by signal 11 \(SIGSEGV\)/,
  );
});

testTsrun("so is a startContainer hook that the container's seccomp filter kills", () => {
  const seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_KILL" }],
  };
  const mkdir = { path: "/bin/mkdir", args: ["mkdir", "/tmp/made"] };
  const said = complaint(ran({ args: ["true"], linux: { seccomp }, hooks: { startContainer: [mkdir] } }));
  assert.match(said, /startContainer\[0\].*error running startContainer hook #0: .*SIGSYS: bad system call/);
});

for (const [kind, path] of [
  ["createRuntime", "/none/hook"],
  ["createContainer", "/none/hook"],
  ["startContainer", "/none/hook"],
] as const) {
  testTsrun(`a ${kind} hook that is not there is a failure`, () => {
    using one = container({ args: SLEEP, hooks: { [kind]: [{ path }] } });
    const create = runtime(["create", "--bundle", one.bundle.path, one.id]);
    const said = complaint(kind === "startContainer" ? one.call("start") : create);
    assert.match(said, new RegExp(`hooks\\.${kind}\\[0\\] \\(/none/hook\\).*ENOENT`));
  });
}

testTsrun("a startContainer hook that is a link to the runtime is refused", () => {
  const own = bundle({ args: SLEEP, hooks: { startContainer: [{ path: "/hook" }] } });
  symlinkSync("/proc/self/exe", join(own.rootfs, "hook"));
  using one = containerOf(own, uniqueId());
  one.create();
  assert.match(complaint(one.call("start")), /hooks\.startContainer\[0\].*ELOOP/);
});

testTsrun("a control character that a hook prints does not reach the terminal", () => {
  using one = container({
    args: SLEEP,
    hooks: { startContainer: [script("printf '\\033[31mred\\007\\n'; exit 1")] },
  });
  one.create();
  const said = complaint(one.call("start"));
  assert.match(said, /it said: .*red/);
  assert.not.match(said, /\p{Cc}/u);
});

for (const kind of ["prestart", "createRuntime", "createContainer", "startContainer", "poststart"] as const) {
  testTsrun(`a ${kind} hook is killed with its children when its time is up`, async () => {
    const notes = notebook();
    const hook = script("sleep 65 & sleep 66", { timeout: 1, env: [PATH] });
    using one = container({ ...withHooks(notes, {}), hooks: { [kind]: [hook] } });
    const began = performance.now();
    const create = runtime(["create", "--bundle", one.bundle.path, one.id]);
    const said = complaint(kind === "startContainer" || kind === "poststart" ? one.call("start") : create);
    const took = performance.now() - began;
    assert.match(said, new RegExp(`hooks\\.${kind}\\[0\\].*hook ran past specified timeout of 1.0s`));
    assert.ok(took > 900, `took ${took} ms`);
    await waitUntil(() => !processes().some((pid) => isSleep(pid)), "its processes have ended");
  });
}

testTsrun("a poststop hook is killed with its children when its time is up, and delete goes on", async () => {
  const notes = notebook();
  const log = join(notes.directory, "log");
  const hook = script("sleep 65 & sleep 66", { timeout: 1, env: [PATH] });
  using one = container({ ...withHooks(notes, {}), hooks: { poststop: [hook] } });
  one.create();
  const began = performance.now();
  silent(runtime(["--log", log, "delete", "--force", one.id]));
  const took = performance.now() - began;
  assert.match(readFileSync(log, "utf8"), /hooks\.poststop\[0\].*hook ran past specified timeout of 1.0s/);
  assert.ok(took > 900, `took ${took} ms`);
  await waitUntil(() => !processes().some((pid) => isSleep(pid)), "its processes have ended");
});

// Without a PID namespace it does not end with the init.
for (const kind of ["createContainer", "startContainer"] as const)
  testTsrun(`what a failed ${kind} hook has left running in the container is ended`, async () => {
    const nothingLeft = watchLeaks();
    const linux = { namespaces: namespaces({ pid: false }) };
    const daemon = "setsid sleep 65 </dev/null >/dev/null 2>&1 & sleep 0.3; exit 1";
    using one = container({ args: SLEEP, linux, hooks: { [kind]: [script(daemon)] } });
    const create = runtime(["create", "--bundle", one.bundle.path, one.id]);
    const said = complaint(kind === "startContainer" ? one.call("start") : create);
    assert.match(said, new RegExp(`hooks\\.${kind}\\[0\\].*exit status 1`));
    assert.not(processes().some(isSleep));
    await nothingLeft("of the hook");
  });

function isSleep(pid: number): boolean {
  try {
    return /^sleep 6[56]$/.test(commandLine(pid));
  } catch {
    return false; // it has just ended
  }
}

test("a hook that ends in time is not killed by its timeout", () => {
  const notes = notebook();
  const hook = script(`sleep 0.2; echo done > ${notes.file}`, { timeout: 5 });
  using one = container({ args: SLEEP, hooks: { createRuntime: [hook] } });
  live(one);
  assert.is(notes.read(), "done\n");
});

testTsrun("a failed poststop hook is logged, and all goes on", () => {
  const notes = notebook();
  const log = join(notes.directory, "log");
  using one = container(withHooks(notes, { poststop: [FAILING, "echo next >> $NOTES"] }));
  one.create();
  const global = ["--log", log, "--log-format", "json"];
  silent(runtime(["start", one.id], { global }));
  silent(runtime(["delete", "--force", one.id], { global }));
  assert.is(notes.read(), "next\n");
  const { level, msg } = JSON.parse(readFileSync(log, "utf8"));
  assert.is(level, "warning");
  assert.match(msg, /hooks\.poststop\[0\].*exit status 3.*second line/);
});

testTsrun("a failed poststop hook is warned of on standard error, where there is no log", () => {
  const hooks = { poststop: [script(FAILING)] };
  using one = container({ args: SLEEP, hooks });
  one.create();
  const { status, stderr } = one.call("delete", "--force");
  assert.is(status, 0);
  assert.match(stderr, /^tsrun: warning: .*hooks\.poststop\[0\].*exit status 3.*second line\n$/);
  assert.match(ran({ args: ["true"], hooks }).stderr, /^tsrun: warning: .*hooks\.poststop\[0\]/);
});

const POSTSTART = { poststart: ["true", FAILING, "echo next >> $NOTES"], poststop: "echo undone >> $NOTES" };

testTsrun("a failed poststart hook fails start, ends the container, and leaves nothing", async () => {
  const nothingLeft = watchLeaks();
  const notes = notebook();
  using one = container(withHooks(notes, POSTSTART));
  one.create();
  const said = complaint(one.call("start"));
  assert.match(said, /hooks\.poststart\[1\] \(\/bin\/sh\).*exit status 3.*first line \| second line/);
  await nothingLeft("of the container");
  assert.is(notes.read(), "undone\n");
});

for (const flags of [[], ["--detach"]]) {
  testTsrun(`a run ${flags.join(" ")} whose poststart hook fails leaves nothing`, async () => {
    const nothingLeft = watchLeaks();
    const notes = notebook();
    const { path } = bundle(withHooks(notes, POSTSTART));
    const said = complaint(runtime(["run", ...flags, "--bundle", path, uniqueId()]));
    assert.match(said, /hooks\.poststart\[1\].*exit status 3/);
    await nothingLeft("of the run");
    assert.is(notes.read(), "undone\n");
  });
}

testTsrun("a failed poststart hook may have deleted its container itself", async () => {
  const nothingLeft = watchLeaks();
  const notes = notebook();
  const id = uniqueId();
  const act = `${runtimePath} --root ${stateRoot} delete --force ${id}; exit 1`;
  using one = containerOf(bundle(withHooks(notes, { poststart: act })), id);
  one.create();
  assert.match(complaint(one.call("start")), /hooks\.poststart\[0\].*exit status 1/);
  await nothingLeft("of the container");
});

leavesNothing();
test.run();
