// Runs beside other files.
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS, namespaces } from "../../harness/bundle.ts";
import { ran } from "../../harness/container.ts";
import { testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../../harness/leaks.ts";
import { complaint, runtime } from "../../harness/runtime.ts";
import { onTerminal, running, script, shown } from "../../harness/session.ts";

// What a process has of its terminal

test("the standard streams are a terminal of the container's own devpts", async () => {
  assert.is(await shown(script("tty; test -t 0 && test -t 1 && test -t 2 && echo all")), "/dev/pts/0\nall\n");
});

test("nothing but the standard streams is open", async () => {
  assert.is(await shown(script("ls /proc/self/fd | tr '\\n' ' '")), "0 1 2 3 "); // the last is ls's own
});

test("the terminal controls the process's session, of which it is the leader", async () => {
  assert.is(await shown(script("echo spoken > /dev/tty")), "spoken\n");
  // proc_pid_stat(5): session, tty_nr as major << 8 | minor, tpgid
  assert.is(await shown(script("cut -d' ' -f6-8 /proc/self/stat | sed 's/ .* / 34816 /'")), "1 34816 1\n");
});

test("/dev/console is that terminal", async () => {
  const compare = 'echo here > /dev/console; stat -c "%F %t:%T" /dev/console /dev/pts/0';
  const [said, console, slave] = (await shown(script(compare))).split("\n");
  assert.is(said, "here");
  assert.is(console, "character special file 88:0");
  assert.is(slave, console);
});

test("the terminal is the process's user's, and the group is devpts' choice", async () => {
  const seen = await shown(script('stat -c "%u:%g %a" /dev/pts/0; echo mine > /dev/pts/0'), {
    user: { uid: 1000, gid: 1000 },
  });
  assert.is(seen, "1000:5 620\nmine\n");
});

test("in a user namespace it is its mapped user's", async () => {
  const mappings = [{ containerID: 0, hostID: 100000, size: 65536 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: mappings, gidMappings: mappings };
  const text = 'tty; stat -c "%u" /dev/console; echo spoken > /dev/tty';
  assert.is(await shown(script(text), { user: { uid: 33, gid: 33 } }, { linux }), "/dev/pts/0\n33\nspoken\n");
});

test("in the host's pid namespace, and with a read-only root, it is all the same", async () => {
  const more = { linux: { namespaces: namespaces({ pid: false }) }, root: { readonly: true } };
  assert.is(await shown(script("tty; echo spoken > /dev/console"), {}, more), "/dev/pts/0\nspoken\n");
});

testTsrun("a container without a devpts is refused, and the message says what is missing", async () => {
  const left = watchLeaks();
  const mounts = DEFAULT_MOUNTS.filter(({ destination }) => destination !== "/dev/pts");
  const said = complaint(ran(onTerminal(["true"], {}, { mounts })));
  assert.match(said, /process\.terminal \(needs a devpts on \/dev\/pts\).*no such file/);
  await left("of a failed run");
});

testTsrun("a link in the place of the devpts is not followed", () => {
  const mounts = DEFAULT_MOUNTS.filter(({ destination }) => !/^\/dev(\/pts)?$/.test(String(destination)));
  const made = bundle(onTerminal(["true"], {}, { mounts }));
  mkdirSync(join(made.rootfs, "dev"), { recursive: true });
  symlinkSync("/proc/self/fd", join(made.rootfs, "dev/pts"));
  assert.match(complaint(runtime(["run", "--bundle", made.path, uniqueId()])), /process\.terminal.*ELOOP/);
});

// Size

test("process.consoleSize is the terminal's size where the caller has none", () => {
  const consoleSize = { height: 12, width: 34 };
  assert.is(ran(onTerminal(script("stty size"), { consoleSize })).stdout, "12 34\n");
});

test("the caller's terminal has the say about the size", async () => {
  assert.is(await shown(script("stty size"), { consoleSize: { height: 12, width: 34 } }), "33 90\n");
});

test("a window that changes its size tells the programs inside", async () => {
  await using session = running(
    script("trap 'stty size; exit 5' WINCH; echo ready; while :; do sleep 0.02; done"),
  );
  await session.until("ready");
  session.resize(60, 20);
  assert.is(await session.ended(), 5);
  assert.match(session.printed(), /20 60/);
});

leavesNothing();
test.run();
