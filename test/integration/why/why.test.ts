// Runs beside other files.
/** `tsrun why`: what a container that hangs waits for, and why one has stopped. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS, namespaces, type Patch } from "../../harness/bundle.ts";
import { cgroup2Of } from "../../harness/cgroups.ts";
import { type Container, container, created, started } from "../../harness/container.ts";
import { freshDirectory, isTsrun, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { command, mounted } from "../../harness/mount.ts";
import { type Call, complaint, type Running, runtime, silent, startRuntime } from "../../harness/runtime.ts";
import { COLD } from "../../harness/served.ts";
import { type SilentFuse, silentFuse, testFuse } from "../../harness/silent-fuse.ts";
import { testIf } from "../../harness/skip.ts";
import { slowness } from "../../harness/slowness.ts";
import { waitUntil } from "../../harness/wait.ts";

const SLEEP = ["sleep", "60"];
const FAULTS = { TSRUN_FAULTS: "1" };

/** What `why` says of a container: the first line, and the others. */
function why({ id }: Pick<Container, "id">): readonly string[] {
  return silent(runtime(["why", id]))
    .stdout.trimEnd()
    .split("\n");
}

/** The same once its first line matches. */
async function whyOnce(box: Pick<Container, "id">, line: RegExp): Promise<readonly string[]> {
  let said: readonly string[] = [];
  const look = () => {
    const { status, stdout } = runtime(["why", box.id]);
    said = stdout.trimEnd().split("\n");
    return status === 0 && line.test(said[0] ?? "");
  };
  await waitUntil(look, `why says ${line}, not ${said[0]}`).catch((error) => {
    throw new Error(`${error}\n${said.join("\n")}`);
  });
  return said;
}

const creating = (path: string, id: string, call: Call = {}): Running =>
  startRuntime(["create", "--bundle", path, id], call);

const withSource = (source: string, patch: Patch = {}): Patch => ({
  args: SLEEP,
  mounts: [...DEFAULT_MOUNTS, { destination: "/mnt", type: "bind", source, options: ["rbind"] }],
  ...patch,
});

/** Does something while a create waits for a file system that does not answer; which then ends, and the create fails. */
async function whileWaiting(
  fuse: SilentFuse,
  patch: Patch,
  call: Call,
  act: (id: string, create: Running, path: string) => Promise<void>,
): Promise<void> {
  const id = uniqueId();
  const { path } = bundle(withSource(fuse.path, patch));
  await using create = creating(path, id, { ...call, env: COLD });
  {
    await using _ = fuse;
    await act(id, create, path);
  }
  assert.match(complaint(await create.ended()), "ECONNABORTED");
}

testFuse("an init's step on a file system that never answers, and the line of config.json", async () => {
  const log = join(freshDirectory("log"), "log.json");
  const fuse = await silentFuse("root");
  const global = ["--log", log, "--log-format", "json"];
  await whileWaiting(fuse, { process: { cwd: "/mnt/below" } }, { global }, async (id, create, path) => {
    const [line = "", asked = "", where = ""] = await whyOnce({ id }, /process\.cwd/);
    assert.match(
      line,
      /^container \S+ is creating: its init \(pid \d+\) is in step \d+ of \d+ for .*: config\.json: process\.cwd: mkdirat\(\$\d+, "below", 0755\)$/,
    );
    const [, step, all] = /step (\d+) of (\d+)/.exec(line) ?? [];
    assert.ok(Number(step) < Number(all) && Number(all) > 200, line);
    assert.match(asked, new RegExp(`^ {2}pid ${create.pid}, for .*: tsrun .*create --bundle ${path} ${id}$`));
    assert.match(where, /^ {2}pid \d+ \(tsrun:init\): [SD] \(.*\) in request_wait_answer < /);

    // Who loses patience finds the same in the log, where containerd's shim looks for the error.
    create.child.kill("SIGTERM");
    await waitUntil(() => readFileSync(log, "utf8") !== "", "it is logged");
    const { level, msg } = JSON.parse(readFileSync(log, "utf8"));
    assert.is(level, "error");
    assert.match(
      msg,
      /^tsrun create \S+ is not done yet: its init .*: config\.json: process\.cwd: mkdirat\(/,
    );
  });
});

testFuse("tsrun itself in a system call on such a file system, and whose path that is", async () => {
  const fuse = await silentFuse();
  await whileWaiting(fuse, {}, {}, async (id, create) => {
    const [line = "", , where = ""] = await whyOnce({ id }, /mounts/);
    const place = `config\\.json: mounts\\[${DEFAULT_MOUNTS.length}\\]\\.source`;
    assert.match(
      line,
      new RegExp(`tsrun \\(pid ${create.pid}\\) is in statx "${fuse.path}" for .*: ${place}$`),
    );
    assert.match(where, /\(tsrun\): [SD] \(.*\) in request_wait_answer < /);
  });
});

testFuse("delete, which waits for a process that can't die", async () => {
  const fuse = await silentFuse("root");
  using box = container(withSource(fuse.path, { args: ["cat", "/mnt/file"] }));
  box.runDetached();
  await using remove = startRuntime(["delete", "--force", box.id], { env: COLD });
  {
    await using _ = fuse;
    const ends = `\`tsrun delete\` \\(pid ${remove.pid}\\): waits for the end of pid \\d+ \\(cat\\)`;
    const said = await whyOnce(box, new RegExp(ends));
    assert.match(
      said.join("\n"),
      /\n {2}pid \d+ \(cat\): [SD] \(.*\) in request_wait_answer < /,
      said.join("\n"),
    );
  }
  assert.is((await remove.ended()).status, 0);
});

testTsrun(
  "a step that is late on purpose has its property too, and so has the lock that others wait for",
  async () => {
    using box = container({ args: SLEEP });
    const seconds = Math.min(3 * slowness, 9); // after ten, start would give up
    const global = ["--fault", `mounts[3]:move_mount=delay:${seconds}s`];
    await using create = startRuntime(["create", "--bundle", box.bundle.path, box.id], {
      global,
      env: FAULTS,
    });
    await whyOnce(box, /is in step \d+ of \d+ for .*: config\.json: mounts\[3\] \(tmpfs on \/dev\/shm\): /);
    await using start = startRuntime(["start", box.id]);
    await waitUntil(() => why(box).length > 3, "start waits");
    const said = why(box);
    const waits = said.find((one) => one.includes(`pid ${start.pid},`)) ?? "";
    assert.match(
      waits,
      new RegExp(`waits for the lock of container ${box.id}, which pid ${create.pid} has: tsrun `),
      said.join("\n"),
    );
    assert.is((await create.ended()).status, 0);
    assert.is((await start.ended()).status, 0);
  },
);

testTsrun("a mailbox that is no file in the state directory is found too", async () => {
  const [lower, upper, work, root] = ["lower", "upper", "work", "root"].map((name) => freshDirectory(name));
  command(
    "mount",
    "-t",
    "overlay",
    "-o",
    `lowerdir=${lower},upperdir=${upper},workdir=${work}`,
    "overlay",
    `${root}`,
  );
  try {
    const { path } = bundle({ args: SLEEP });
    const id = uniqueId();
    const call = { root: `${root}`, global: ["--fault", `hostname=delay:${slowness}s`], env: FAULTS };
    await using create = creating(path, id, call);
    const said = () => runtime(["why", id], { root: `${root}` }).stdout;
    await waitUntil(() => /config\.json: hostname: /.test(said()), "the step is told");
    assert.is((await create.ended()).status, 0);
    silent(runtime(["delete", "--force", id], { root: `${root}` }));
  } finally {
    command("umount", `${root}`);
  }
});

/** A hook that ends when the file `go` is in the bundle. */
const WAITING = { path: "/bin/sh", args: ["sh", "-c", "until [ -e go ]; do sleep 0.1; done"], timeout: 60 };

testTsrun("a hook of create, and one of start", async () => {
  using box = container({ args: SLEEP, hooks: { createRuntime: [WAITING], poststart: [WAITING] } });
  const { path } = box.bundle;
  await using create = creating(path, box.id, { cwd: path });
  const runs = (hook: string) =>
    new RegExp(
      `config\\.json: hooks\\.${hook}\\[0\\] \\(/bin/sh\\), pid \\d+, runs for .*, of the 60 s that it may take`,
    );
  const [line = ""] = await whyOnce(box, runs("createRuntime"));
  assert.match(line, /^container \S+ is creating: /);
  writeFileSync(join(path, "go"), "");
  assert.is((await create.ended()).status, 0);
  command("rm", join(path, "go"));
  await using start = startRuntime(["start", box.id], { cwd: path });
  const [started = ""] = await whyOnce(box, runs("poststart"));
  assert.match(
    started,
    new RegExp(`^container \\S+ is running: .*; \`tsrun start\` \\(pid ${start.pid}\\): `),
  );
  writeFileSync(join(path, "go"), "");
  assert.is((await start.ended()).status, 0);
});

testTsrun("a command in a container, a frozen cgroup, and the one above it", async () => {
  using box = started({ args: SLEEP });
  await using exec = startRuntime(["exec", box.id, "sleep", "30"]);
  const [line = ""] = await whyOnce(box, /tsrun exec/);
  assert.match(
    line,
    new RegExp(`\`tsrun exec\` \\(pid ${exec.pid}\\): its process, pid \\d+ \\(sleep 30\\), runs for `),
  );
  silent(box.call("pause"));
  const cgroup = cgroup2Of(box.pid());
  const paused = why(box)[0] ?? "";
  assert.ok(
    paused.includes(`is paused: the cgroup ${cgroup} is frozen; \`tsrun resume ${box.id}\` lets it go on`),
    paused,
  );
  assert.match(paused, /its process, pid \d+ \(sleep 30\), runs for .*; its cgroup \S+ is frozen$/);
  silent(box.call("resume"));
  assert.match(why(box)[0] ?? "", /is running: pid \d+ \(sleep 60\), for .*, has last run .* ago/);
});

testIf(isTsrun && !existsSync("/run/systemd/system"), "needs tsrun, and a machine without systemd")(
  "systemd, when it does not do its job",
  async () => {
    using _run = mounted("/run", "-t", "tmpfs", "tmpfs");
    mkdirSync("/run/systemd/system", { recursive: true });
    const systemd = Bun.listen({ unix: "/run/systemd/private", socket: { data() {} } });
    const { path } = bundle({ args: SLEEP, linux: { cgroupsPath: "system.slice:tsrun:box" } });
    const id = uniqueId();
    await using create = creating(path, id, { global: ["--systemd-cgroup"], env: COLD });
    await whyOnce(
      { id },
      /is creating: systemd has not done its job for tsrun-box\.scope in system\.slice for /,
    );
    systemd.stop(true);
    assert.match(complaint(await create.ended()), /systemd/);
  },
);

testTsrun("a container that waits to be started", () => {
  using box = created({ args: SLEEP });
  const [line = "", where = ""] = why(box);
  assert.match(
    line,
    new RegExp(`^container ${box.id} is created, and waits for \`tsrun start ${box.id}\` for `),
  );
  assert.match(where, /\(tsrun:init\): S \(sleeping\) in futex_/);
});

testTsrun("one that has stopped: its status, and who had tsrun kill it", async () => {
  using kept = container({ args: ["sh", "-c", "exit 5"] });
  runtime(["run", "--keep", "--bundle", kept.bundle.path, kept.id]);
  assert.equal(why(kept), [`container ${kept.id} has stopped: exited with status 5`]);

  using killed = container({ args: SLEEP });
  await using run = startRuntime(["run", "--keep", "--bundle", killed.bundle.path, killed.id]);
  await waitUntil(() => runtime(["state", killed.id]).stdout.includes('"running"'), "it runs");
  killed.kill("KILL");
  await run.ended();
  const by = `\`tsrun kill\`, called by pid ${process.pid} \\(.*\\), has sent it SIGKILL at ${new Date().getFullYear()}-`;
  assert.match(why(killed)[0] ?? "", new RegExp(`has stopped: killed by SIGKILL; ${by}`));

  using other = container({
    args: ["sh", "-c", "kill -SEGV $$; sleep 60"],
    linux: { namespaces: namespaces({ pid: false }) },
  });
  runtime(["run", "--keep", "--bundle", other.bundle.path, other.id]);
  assert.match(
    why(other)[0] ?? "",
    /has stopped: killed by SIGSEGV; the usual cause is an error in the program$/,
  );
});

testTsrun(
  "a creation says so in the log after ten seconds, and gives up when it is told to end after that",
  async () => {
    using box = container({ args: SLEEP });
    const log = join(freshDirectory("log"), "log");
    const global = ["--log", log, "--fault", "hostname=delay:60s"];
    await using create = creating(box.bundle.path, box.id, { global, env: FAULTS });
    await Bun.sleep(9000);
    assert.is(readFileSync(log, "utf8"), "");
    await waitUntil(() => readFileSync(log, "utf8") !== "", "it is logged");
    assert.match(
      readFileSync(log, "utf8"),
      /^time=\S+ level=error msg="tsrun create \S+ is not done yet: its init .* is in step .* for 1\d s: config\.json: hostname: ppoll"\n$/,
    );
    create.child.kill("SIGTERM");
    assert.match(
      complaint(await create.ended()),
      /config\.json: hostname: ppoll; given up, as tsrun was told to end$/,
    );
  },
);

testTsrun("with $TSRUN_PATIENCE it gives up, says where it was, and leaves nothing", () => {
  const given = (call: Call, patch: Patch = {}) => {
    const { path } = bundle({ args: SLEEP, ...patch });
    const env = { TSRUN_PATIENCE: "1500ms", ...call.env };
    return complaint(runtime(["create", "--bundle", path, uniqueId()], { ...call, env }));
  };
  const why = "; given up after 1500ms, as \\$TSRUN_PATIENCE says$";
  assert.match(
    given({ global: ["--fault", "hostname=delay:60s"], env: FAULTS }),
    new RegExp(`is not done yet: its init .* is in step .*: config\\.json: hostname: ppoll${why}`),
  );
  assert.match(
    given({}, { hooks: { prestart: [{ ...WAITING, timeout: 15 }] } }),
    new RegExp(`config\\.json: hooks\\.prestart\\[0\\] .*, of the 15 s that it may take${why}`),
  );
  assert.match(
    given({ env: { TSRUN_PATIENCE: "soon" } }),
    /\$TSRUN_PATIENCE: must be a time such as 100s, not "soon"$/,
  );
});

testFuse(
  "with $TSRUN_PATIENCE it gives up on a volume that does not answer, and leaves nothing",
  async () => {
    await using fuse = await silentFuse("root");
    const env = { TSRUN_PATIENCE: "500ms" };
    const given = (patch: Patch) =>
      complaint(runtime(["create", "--bundle", bundle(patch).path, uniqueId()], { env }));
    assert.match(
      given(withSource(`${fuse.path}/volume`)),
      /: its stage .*: config\.json: mounts\[\d+\]\.source: statx\(".*\/volume"\); given up after 500ms/,
    );
    assert.match(
      given({ root: { path: `${fuse.path}/rootfs` } }),
      /: its stage .*: config\.json: root\.path: statx\(".*\/rootfs"\); given up after 500ms/,
    );
  },
);

testTsrun("a step of the stage after it has looked at many sources", async () => {
  const mounts = Array.from({ length: 12 }, (_, index) => ({
    ...{ destination: `/mnt${index}`, type: "bind", source: freshDirectory("volume"), options: ["bind"] },
  }));
  const { path } = bundle({ args: SLEEP, mounts: [...DEFAULT_MOUNTS, ...mounts] });
  const id = uniqueId();
  const call = {
    global: ["--fault", "linux.namespaces=delay:60s"],
    env: { ...FAULTS, TSRUN_PATIENCE: "50s" },
  };
  await using create = creating(path, id, call);
  await whyOnce(
    { id },
    /: its stage \(pid \d+\) is in step \d+ of \d+ for .*: config\.json: linux\.namespaces/,
  );
  create.child.kill("SIGKILL");
  await create.ended();
  silent(runtime(["delete", "--force", id]));
});

testTsrun("another runtime's container, and none at all", () => {
  const root = freshDirectory("runc");
  mkdirSync(join(root, "box"));
  const startTime = readFileSync("/proc/self/stat", "utf8").replace(/.*\) /s, "").split(" ")[19];
  const state = {
    init_process_pid: process.pid,
    init_process_start: Number(startTime),
    cgroup_paths: {},
    config: {},
  };
  writeFileSync(join(root, "box/state.json"), JSON.stringify(state));
  const { stdout } = silent(runtime(["why", "box"], { root }));
  assert.match(stdout, new RegExp(`^container box is running: pid ${process.pid} \\(`));
  assert.match(complaint(runtime(["why", "nobody"])), /^tsrun: error: container does not exist: nobody/);
});

leavesNothing();
test.run();
