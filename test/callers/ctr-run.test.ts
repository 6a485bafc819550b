// Needs containerd, ctr, ip.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cgroup2Controllers } from "../harness/cgroups.ts";
import { commandLine, namespaceOf, status } from "../harness/processes.ts";
import { testIf } from "../harness/skip.ts";
import { waitUntil } from "../harness/wait.ts";
import { call, printed, startCall } from "./call.ts";
import { startContainerd } from "./containerd.ts";
import { atTerminal, ctr, detached, nextId, pidOf, ran, taskLine, WITH_TSRUN } from "./ctr.ts";
import { BUSYBOX } from "./images.ts";
import { watchMachine } from "./leaks.ts";
import { SHOWN_IMAGE, testChapters } from "./typed.ts";

const controllers = cgroup2Controllers();

const atFirst = watchMachine();
const daemon = await startContainerd();
const afterStart = watchMachine();

printed(ctr("images", "tag", BUSYBOX, SHOWN_IMAGE));
testChapters(import.meta.path);

test("a foreground container's output, errors and exit status are ctr's", () => {
  const { status, stdout, stderr } = ran("echo out; echo err >&2; exit 3");
  assert.equal({ status, stdout, stderr }, { status: 3, stdout: "out\n", stderr: "err\n" });
});

test("--rm leaves nothing", async () => {
  const left = watchMachine();
  printed(ran("true"));
  await left("of ctr run --rm");
});

test("a container runs in the cgroup that its spec names, with containerd's default weight", () => {
  assert.match(printed(ran("cat /proc/self/cgroup")), /^0::\/default\/box\d+$/m);
});

test("--tty gives a terminal, and its output and exit status come through it", async () => {
  const { status, printed } = await atTerminal(
    ...["run", "--rm", "--tty", ...WITH_TSRUN, BUSYBOX, nextId()],
    ...["sh", "-c", "tty; usleep 300000; test -t 0 && exit 5"],
  );
  assert.equal({ status, printed }, { status: 5, printed: "/dev/pts/0\n" });
});

test("--privileged gives all capabilities and the host's devices", () => {
  const text = printed(ran("grep CapEff /proc/self/status; ls /dev/full; ls /dev | wc -l", "--privileged"));
  const own = status(process.pid).get("CapBnd");
  assert.match(text, new RegExp(`CapEff:\\s+${own}`));
});

test("without it, capabilities are containerd's default", () => {
  assert.match(printed(ran("grep CapEff /proc/self/status")), /CapEff:\s+00000000a80425fb/);
});

test("--read-only makes the root read-only, and mounts that are to be writable stay so", () => {
  const { stdout, stderr } = ran("touch /x; touch /dev/shm/x && echo shm", "--read-only");
  assert.match(stderr, /Read-only file system/);
  assert.is(stdout, "shm\n");
});

test("--cwd and --env reach the process", () => {
  assert.is(printed(ran('pwd; echo "$A"', "--cwd", "/www", "--env", "A=b c")), "/www\nb c\n");
});

test("--mount binds a directory of the host", () => {
  const mount = "type=bind,src=/run/containerd,dst=/mnt,options=rbind:ro";
  assert.match(
    printed(ran("ls /mnt; touch /mnt/x 2>&1 || true", "--mount", mount)),
    /containerd.sock\n(.*\n)*.*Read-only/,
  );
});

test("--seccomp loads containerd's default profile", () => {
  assert.match(printed(ran("grep Seccomp: /proc/self/status", "--seccomp")), /Seccomp:\s+2/);
  const refused = ran("unshare -m true", "--seccomp");
  assert.match(refused.stderr, /Operation not permitted/);
});

test("--with-ns joins a network namespace by its path", () => {
  printed(call(["ip", "netns", "add", "blue"]));
  try {
    const wanted = printed(call(["ip", "netns", "exec", "blue", "readlink", "/proc/self/ns/net"]));
    assert.is(printed(ran("readlink /proc/self/ns/net", "--with-ns", "network:/run/netns/blue")), wanted);
  } finally {
    printed(call(["ip", "netns", "delete", "blue"]));
    printed(call(["umount", "/run/netns"])); // which ip(8) has made shared
  }
});

test("--with-ns joins another container's PID namespace, and its end spares the others there", async () => {
  using host = detached(["sleep", "100"]);
  const pid = pidOf(host.id);
  using guest = detached(["sleep", "101"], "--with-ns", `pid:/proc/${pid}/ns/pid`);
  assert.is(namespaceOf(pidOf(guest.id), "pid"), namespaceOf(pid, "pid"));
  await waitUntil(() => commandLine(pidOf(guest.id)) === "sleep 101", "the guest's program has begun");
  const seen = printed(ctr("tasks", "exec", "--exec-id", "look", host.id, "ps"));
  assert.match(seen, /sleep 101/);
  printed(ctr("tasks", "kill", "--signal", "SIGKILL", guest.id));
  await waitUntil(() => /STOPPED/.test(taskLine(guest.id)), "the guest has stopped");
  assert.match(taskLine(host.id), /RUNNING/);
});

testIf(!controllers.has("memory"), "the cgroup controller memory is there")(
  "--memory-limit without a controller is refused, and ctr shows why",
  async () => {
    const left = watchMachine();
    const { status, stderr } = ran("true", "--memory-limit", "33554432");
    assert.is(status, 1);
    assert.match(stderr, /config\.json: linux\.resources\.memory\.limit: .* has no memory controller/);
    await left("of a refused container");
  },
);

testIf(!controllers.has("cpu"), "the cgroup controller cpu is there")(
  "cpu.shares of another weight than the default are refused without a controller",
  () => {
    printed(ran("true", "--cpu-shares", "1024"));
    printed(ran("true", "--cpu-shares", "0"));
    assert.match(
      ran("true", "--cpu-shares", "2").stderr,
      /linux\.resources\.cpu\.shares: .* no cpu controller/,
    );
  },
);

test("a program that isn't there is named, and nothing is left", async () => {
  const left = watchMachine();
  const { status, stderr } = ctr("run", "--rm", ...WITH_TSRUN, BUSYBOX, nextId(), "nope");
  assert.is(status, 1);
  assert.match(
    stderr,
    /OCI runtime create failed: .*process\.args\[0\]: "nope": executable file not found in \$PATH/,
  );
  await left("of a container without a program");
});

/** On a busy machine containerd 1.6 loses the last pages of one of 40 such outputs, with runc as with tsrun. */
const TRIES = 5;

test("10 MB go through stdin, stdout and stderr each", () => {
  const size = 10 * 1024 * 1024;
  const input = "0123456789abcde\n".repeat(size / 16);
  const echo = ["sh", "-c", `head -c ${size} | tee /dev/stderr`];
  const complete = Array.from({ length: TRIES }).some(() => {
    const said = call(["ctr", "run", "--rm", ...WITH_TSRUN, BUSYBOX, nextId(), ...echo], { input });
    assert.is(said.status, 0);
    assert.ok(input.startsWith(said.stdout), `${said.stdout.length} bytes came out, not those that went in`);
    assert.ok(input.startsWith(said.stderr), `${said.stderr.length} bytes came out of stderr`);
    return said.stdout.length === size && said.stderr.length === size;
  });
  assert.ok(complete, `not once in ${TRIES} times did all of it come out`);
});

test("ten containers start, run and end at once", async () => {
  const left = watchMachine();
  const ids = Array.from({ length: 10 }, nextId);
  const run = (id: string) =>
    startCall(["ctr", "run", "--rm", ...WITH_TSRUN, BUSYBOX, id, "sh", "-c", `sleep 1; echo ${id}; exit 3`]);
  const ended = await Promise.all(ids.map((id) => run(id).ended()));
  for (const [index, { status, stdout }] of ended.entries())
    assert.equal({ status, stdout }, { status: 3, stdout: `${ids[index]}\n` });
  await left("of ten containers");
});

test("nothing is left of all these, and then nothing of containerd", async () => {
  await afterStart("of the containers");
  await daemon.stop();
  await atFirst("of containerd");
});

test.run();
