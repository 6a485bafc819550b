// Runs beside other files.
import { dlopen, FFIType } from "bun:ffi";
import { spawn } from "node:child_process";
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../../harness/bundle.ts";
import { containerOf, created, started } from "../../harness/container.ts";
import { freshDirectory, stateRoot, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { mounted } from "../../harness/mount.ts";
import { processes } from "../../harness/processes.ts";
import { complaint, runtime, silent, startRuntime } from "../../harness/runtime.ts";
import { waitUntil } from "../../harness/wait.ts";

const SLEEP = ["sleep", "60"];
const WITH_UMASK_0 = ["sh", "-c", 'umask 0; exec "$@"', "sh"];

/** What is in a directory, and its mode: `711 .`, `600 ID/state.json`. */
function modesIn(root: string): string[] {
  const names = readdirSync(root, { recursive: true }).map(String);
  return [".", ...names].map((name) => `${(statSync(join(root, name)).mode & 0o7777).toString(8)} ${name}`);
}

/** What a created container has in there whose caller wants to know when it is ready. */
function expected(id: string, notify: string): string[] {
  const files = ["config.json", "mailbox", "state.json"].map((name) => `600 ${id}/${name}`);
  return ["711 .", `711 ${id}`, ...files, `700 ${id}/notify`, `755 ${id}/notify/${notify}`];
}

function makesModes(root: string): void {
  const id = uniqueId();
  const { path } = bundle({ args: SLEEP });
  const call = { root, through: WITH_UMASK_0, env: { NOTIFY_SOCKET: join(root, "nobody") } };
  silent(runtime(["create", "--bundle", path, id], call));
  try {
    const notify = readdirSync(join(root, id, "notify"))[0] ?? "";
    assert.equal(modesIn(root).sort(), expected(id, notify).sort());
  } finally {
    silent(runtime(["delete", "--force", id], { root }));
  }
}

testTsrun("nobody else reads or writes what is kept of a container, whatever the caller's umask", () => {
  makesModes(join(freshDirectory("root"), "state"));
});

testTsrun("nor where the state is not on a tmpfs", () => {
  const directory = freshDirectory("root");
  using _ = mounted(directory, "-t", "ramfs", "ramfs");
  makesModes(join(directory, "state"));
});

testTsrun("what an update writes anew is the owner's alone, too", () => {
  using box = created({ args: SLEEP });
  const file = join(freshDirectory("resources"), "file");
  writeFileSync(file, "{}");
  silent(runtime(["update", "--resources", file, box.id], { through: WITH_UMASK_0 }));
  assert.is(statSync(join(stateRoot, box.id, "config.json")).mode & 0o7777, 0o600);
});

// What a container could see of tsrun

// linux/fcntl.h
const F_GET_SEALS = 1034;
const F_SEAL_SEAL = 0x1;
const F_SEAL_SHRINK = 0x2;
const F_SEAL_GROW = 0x4;
const F_SEAL_WRITE = 0x8;

testTsrun("the program of a container's init can't be changed until it is the container's own", () => {
  const { i32, u64 } = FFIType;
  const libc = dlopen("libc.so.6", { fcntl: { args: [i32, i32, u64], returns: i32 } });
  using box = created({ args: SLEEP });
  const exe = openSync(`/proc/${box.pid()}/exe`, "r");
  const seals = libc.symbols.fcntl(exe, F_GET_SEALS, 0);
  closeSync(exe);
  assert.is(seals, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
});

// The pid file

testTsrun("a create that fails when the pid file is written takes it away again", () => {
  // The kernel alone refuses it: a period may last some four seconds (sched_deadline_period_max_us).
  const period = 10_000_000_000;
  const scheduler = { policy: "SCHED_DEADLINE", runtime: 1_000_000, deadline: period, period };
  const { path } = bundle({ args: SLEEP, process: { scheduler } });
  const box = containerOf({ path, rootfs: "", config: {} }, uniqueId());
  assert.match(
    complaint(box.call("create", "--bundle", path, "--pid-file", box.pidFile)),
    /cannot set SCHED_DEADLINE/,
  );
  assert.not(existsSync(box.pidFile));
});

test("an exec that fails when the pid file is written takes it away again", () => {
  using box = started({ args: SLEEP });
  writeFileSync(join(box.bundle.rootfs, "no-program"), "neither a program nor a script", { mode: 0o755 });
  const file = join(freshDirectory("pid"), "pid");
  complaint(runtime(["exec", "--pid-file", file, box.id, "/no-program"]));
  assert.not(existsSync(file));
});

// The lock

/** Holds the lock of a container, as a command that acts on it does. */
function locked(directory: string): Disposable {
  const holder = spawn("flock", [directory, "sleep", "60"], { stdio: "ignore", detached: true });
  let isHeld = true;
  return {
    [Symbol.dispose]() {
      if (isHeld) process.kill(-(holder.pid ?? 0), "SIGKILL");
      isHeld = false;
    },
  };
}

/** How many processes have a file open: a command that waits for it may be done by another process than the one called. */
const openers = (path: string): number => processes().filter((pid) => hasOpen(pid, path)).length;

const hasOpen = (pid: number, path: string): boolean => {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === path);
  } catch {
    return false; // it has been closed since
  }
};

const isLocked = (directory: string) => Bun.spawnSync(["flock", "-n", directory, "true"]).exitCode !== 0;

for (const [verb, said] of [
  [["start"], /it was deleted meanwhile/],
  [["pause"], /it was deleted meanwhile/],
  [["delete", "--force"], /^$/], // it is gone, as it was to be
] as const) {
  testTsrun(
    `a ${verb[0]} that waited while its container made place for another leaves that alone`,
    async () => {
      using box = created({ args: SLEEP });
      const directory = join(stateRoot, box.id);
      const aside = join(freshDirectory("aside"), box.id);
      using lock = locked(directory);
      await waitUntil(() => isLocked(directory), "somebody else acts on it");
      const before = openers(directory);
      await using waiting = startRuntime([...verb, box.id]);
      await waitUntil(() => openers(directory) > before, "it waits");
      await Bun.sleep(50);
      renameSync(directory, aside);
      const { path } = bundle({ args: SLEEP, linux: { cgroupsPath: `/${box.id}-other` } });
      silent(runtime(["create", "--bundle", path, box.id]));
      const other = box.state().pid;
      lock[Symbol.dispose]();
      const { stderr } = await waiting.ended();
      assert.is(box.state().pid, other);
      assert.is(box.state().status, "created");
      assert.match(stderr, said);
      box.delete("--force");
      renameSync(aside, directory);
    },
  );
}

testTsrun("a damaged configuration is named by its path", () => {
  using box = started({ args: SLEEP });
  const file = join(stateRoot, box.id, "config.json");
  writeFileSync(file, "{");
  for (const verb of [
    ["exec", box.id, "true"],
    ["why", box.id],
  ])
    assert.match(complaint(runtime(verb)), `${file}:1:2: `);
});

leavesNothing();
test.run();
