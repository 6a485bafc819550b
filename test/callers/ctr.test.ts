// Needs containerd, ctr, ip.
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cgroup2Controllers } from "../harness/cgroups.ts";
import { namespaceOf, status } from "../harness/processes.ts";
import { testIf } from "../harness/skip.ts";
import { programAtTerminal } from "../harness/terminal.ts";
import { waitUntil } from "../harness/wait.ts";
import { call, printed, type Said, startCall } from "./call.ts";
import { ctr, pidOf, startContainerd, WITH_TSRUN } from "./containerd.ts";
import { BUSYBOX } from "./images.ts";
import { watchMachine } from "./leaks.ts";

const controllers = cgroup2Controllers();
const atFirst = watchMachine();
const daemon = await startContainerd();
const afterStart = watchMachine();

let made = 0;
const nextId = () => `box${++made}`;

/** `ctr run --rm` of a shell script, to its end. */
function ran(script: string, ...flags: string[]): Said {
  return ctr("run", "--rm", ...WITH_TSRUN, ...flags, BUSYBOX, nextId(), "sh", "-c", script);
}

/** A task in the background; gone, with its container, when the test is done. */
function detached(args: readonly string[], ...flags: string[]): Disposable & { readonly id: string } {
  const id = nextId();
  printed(ctr("run", "--detach", ...WITH_TSRUN, ...flags, BUSYBOX, id, ...args));
  return {
    id,
    [Symbol.dispose]() {
      ctr("tasks", "delete", "--force", id); // has failed already where the test itself deletes
      printed(ctr("containers", "delete", id));
    },
  };
}

/** What `ctr` at a terminal printed there, and its exit status. */
async function atTerminal(...words: string[]): Promise<{ status: number; printed: string }> {
  await using terminal = programAtTerminal(["ctr", ...words], { cwd: "/", env: process.env });
  const status = await terminal.ended();
  return { status, printed: terminal.printed().replaceAll(/\r+\n/g, "\n") }; // each terminal on the way adds one
}

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
  const seen = printed(ctr("tasks", "exec", "--exec-id", "look", host.id, "ps"));
  assert.match(seen, /sleep 101/);
  printed(ctr("tasks", "kill", "--signal", "SIGKILL", guest.id));
  await waitUntil(() => /STOPPED/.test(taskLine(guest.id)), "the guest has stopped");
  assert.match(taskLine(host.id), /RUNNING/);
});

/** What `ctr tasks list` says of one. */
function taskLine(id: string): string {
  const lines = printed(ctr("tasks", "list")).split("\n");
  return lines.find((line) => line.startsWith(`${id} `)) ?? "";
}

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

test("exec runs a process in the container, with its output and exit status", () => {
  using box = detached(["sleep", "100"]);
  const said = ctr(
    "tasks",
    "exec",
    "--exec-id",
    "one",
    box.id,
    "sh",
    "-c",
    "echo $$; ps | grep -c 'sleep 100'; exit 7",
  );
  assert.is(said.status, 7);
  assert.match(said.stdout, /^\d+\n\d\n$/);
});

test("exec takes a user, a directory and a terminal", async () => {
  using box = detached(["sleep", "100"]);
  const flags = (execId: string) => [
    "tasks",
    "exec",
    "--exec-id",
    execId,
    "--user",
    "1000:1000",
    "--cwd",
    "/www",
  ];
  assert.is(printed(ctr(...flags("one"), box.id, "sh", "-c", "id -u; pwd")), "1000\n/www\n");
  const terminal = await atTerminal(
    ...flags("two"),
    "--tty",
    box.id,
    "sh",
    "-c",
    "tty; pwd; usleep 300000; exit 4",
  );
  assert.equal(terminal, { status: 4, printed: "/dev/pts/0\n/www\n" });
});

test("exec of what isn't there is told, and the container goes on", () => {
  using box = detached(["sleep", "100"]);
  const { status, stderr } = ctr("tasks", "exec", "--exec-id", "one", box.id, "nope");
  assert.is(status, 1);
  assert.match(stderr, /process\.args\[0\]: "nope": executable file not found in \$PATH/);
  assert.match(taskLine(box.id), /RUNNING/);
});

test("ps lists the processes of the container, exec's among them", async () => {
  using box = detached(["sleep", "100"]);
  await using exec = startCall(["ctr", "tasks", "exec", "--exec-id", "long", box.id, "sleep", "99"]);
  const listed = () =>
    printed(ctr("tasks", "ps", box.id))
      .trim()
      .split("\n")
      .slice(1)
      .map(Number.parseFloat);
  await waitUntil(() => listed().length === 2, `ps lists two; ctr exec: ${exec.printed()}`);
  assert.ok(listed().includes(pidOf(box.id)));
  for (const pid of listed()) assert.match(readFileSync(`/proc/${pid}/cmdline`, "utf8"), /^sleep\0/);
});

test("pause stops every process, and resume lets them go on", async () => {
  using box = detached(["sh", "-c", "while :; do echo >>/tmp/beats; usleep 10000; done"]);
  const beats = `/proc/${pidOf(box.id)}/root/tmp/beats`;
  await waitUntil(() => read(beats).length > 0, "it beats");
  printed(ctr("tasks", "pause", box.id));
  assert.match(taskLine(box.id), /PAUSED/);
  const { length } = read(beats);
  await Bun.sleep(200);
  assert.is(read(beats).length, length);
  printed(ctr("tasks", "resume", box.id));
  assert.match(taskLine(box.id), /RUNNING/);
  await waitUntil(() => read(beats).length > length, "it beats again");
});

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // readFileSync throws nothing else
    if (code === "ENOENT") return "";
    throw error;
  }
}

test("metrics can be read", () => {
  using box = detached(["sleep", "100"]);
  const lines = printed(ctr("tasks", "metrics", box.id)).split("\n");
  assert.ok(lines.some((line) => line.startsWith(`${box.id} `)) && lines.length > 4, lines.join("\n"));
});

for (const signal of ["SIGKILL", "SIGTERM"] as const)
  test(`${signal} ends the container with the status 128 + its number, which delete tells`, async () => {
    using box = detached(["sh", "-c", "trap 'exit 143' TERM; while :; do usleep 10000; done"]);
    await Bun.sleep(100); // until the trap is set
    printed(ctr("tasks", "kill", "--signal", signal, box.id));
    await waitUntil(() => /STOPPED/.test(taskLine(box.id)), "it has stopped");
    const status = { SIGKILL: 137, SIGTERM: 143 }[signal];
    assert.match(ctr("tasks", "delete", box.id).stderr, new RegExp(`exit code ${status}"`));
  });

test("kill --all reaches every process, and a signal that is handled ends nothing", async () => {
  const trap = "trap 'echo >>/tmp/got' USR1; while :; do usleep 10000; done";
  using box = detached(["sh", "-c", `sh -c "${trap}" & ${trap}`]);
  const got = `/proc/${pidOf(box.id)}/root/tmp/got`;
  await waitUntil(() => printed(ctr("tasks", "ps", box.id)).split("\n").length >= 4, "both run");
  await Bun.sleep(100); // until both have set their traps
  printed(ctr("tasks", "kill", "--all", "--signal", "SIGUSR1", box.id));
  await waitUntil(() => read(got).length === 2, `both got it: ${JSON.stringify(read(got))}`);
  assert.match(taskLine(box.id), /RUNNING/);
});

test("10 MB go through stdin, stdout and stderr each", () => {
  const size = 10 * 1024 * 1024;
  const input = "0123456789abcde\n".repeat(size / 16);
  const said = call(
    ["ctr", "run", "--rm", ...WITH_TSRUN, BUSYBOX, nextId(), "sh", "-c", `head -c ${size} | tee /dev/stderr`],
    { input },
  );
  assert.is(said.status, 0);
  assert.ok(said.stdout === input, `${said.stdout.length} bytes came out`);
  assert.ok(said.stderr === input, `${said.stderr.length} bytes came out of stderr`);
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

test("when the shim is killed, containerd ends the container and removes what it had", async () => {
  const left = watchMachine();
  {
    using box = detached(["sleep", "100"]);
    const init = pidOf(box.id);
    const shim = Number(status(init).get("PPid"));
    process.kill(shim, "SIGKILL");
    await waitUntil(() => taskLine(box.id) === "", "containerd has noticed");
  }
  await left("of a container without its shim");
});

test("nothing is left of all these, and then nothing of containerd", async () => {
  await afterStart("of the containers");
  await daemon.stop();
  await atFirst("of containerd");
});

test.run();
