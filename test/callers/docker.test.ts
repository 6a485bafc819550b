// Needs dockerd, docker, containerd, runc, ip.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cgroup2Of } from "../harness/cgroups.ts";
import { runtimePath, workDirectory } from "../harness/environment.ts";
import { namespaceOf, status } from "../harness/processes.ts";
import { testIf } from "../harness/skip.ts";
import { programAtTerminal } from "../harness/terminal.ts";
import { waitUntil } from "../harness/wait.ts";
import { call, printed } from "./call.ts";
import { box, docker, NO_NETWORK, ran, startDocker, WITH_TSRUN } from "./docker.ts";
import { BUSYBOX } from "./images.ts";
import { watchMachine } from "./leaks.ts";
import { podsSeen } from "./pods-seen.ts";
import { makeChanged, unpacksSaved } from "./saved.ts";
import { SHOWN_IMAGE, testChapters } from "./typed.ts";
import { AS_ASKED, verified } from "./verified.ts";

const atFirst = watchMachine();
const daemon = await startDocker();
{
  using _ = box(["sleep", "100"]); // the first container makes docker's own directories
}
const afterStart = watchMachine();

function inspect(id: string, field: string): string {
  return printed(docker("inspect", "--format", `{{.${field}}}`, id)).trim();
}

printed(docker("tag", BUSYBOX, SHOWN_IMAGE));
testChapters(import.meta.path, (command) => command.replace(" run ", ` run ${NO_NETWORK.join(" ")} `));

for (const runtime of ["tsrun", "runc"])
  for (const [what, flags] of [
    ["a container", []],
    [
      "one with many flags",
      [
        "--user",
        "5:60",
        "--read-only",
        "--tmpfs",
        "/tmp:size=64k",
        "--volume",
        "/etc:/www:ro",
        "--device",
        "/dev/fuse",
      ],
    ],
  ] as const)
    test(`verify: ${what} of docker's, by ${runtime}, has what its config.json says`, async () => {
      using sleeper = box(["sleep", "100"], ...flags, "--runtime", runtime);
      const bundle = join("/run/docker/containerd/daemon/io.containerd.runtime.v2.task/moby", sleeper.id);
      const { status, lines } = await verified(Number(inspect(sleeper.id, "State.Pid")), bundle);
      assert.match(lines.join("\n"), AS_ASKED);
      assert.is(status, 0);
    });

test("docker knows tsrun by its name", () => {
  assert.match(printed(docker("info", "--format", "{{json .Runtimes}}")), /"tsrun":\{"path":"[^"]*tsrun"/);
  using sleeper = box(["sleep", "100"]);
  assert.is(inspect(sleeper.id, "HostConfig.Runtime"), "tsrun");
});

test("docker reads tsrun's version and commit", () => {
  const [first = "", ...lines] = printed(call([runtimePath, "--version"])).split("\n");
  const commit = lines.find((line) => line.startsWith("commit: "))?.slice("commit: ".length) ?? "";
  const components = printed(docker("version", "--format", "{{json .Server.Components}}"));
  const all = JSON.parse(components) as { Name: string; Version: string; Details: { GitCommit: string } }[]; // docker's
  const own = all.find(({ Name }) => Name === "tsrun");
  assert.equal([own?.Version, own?.Details.GitCommit], [first.replace("tsrun version ", ""), commit]);
});

test("a container's output, errors and exit status are docker's", () => {
  const { status, stdout, stderr } = ran("echo out; echo err >&2; exit 3");
  assert.equal({ status, stdout, stderr }, { status: 3, stdout: "out\n", stderr: "err\n" });
});

test("list --all-roots finds a container, also one that runc has made", () => {
  using own = box(["sleep", "101"]);
  using other = box(["sleep", "102"], "--runtime", "runc"); // the last of two flags counts
  const seen = podsSeen().flatMap(({ containers }) => containers);
  const of = (id: string) => seen.find((one) => one.id === id);
  assert.equal([of(own.id)?.runtime, of(own.id)?.command], ["tsrun", ["sleep", "101"]]);
  assert.equal([of(other.id)?.runtime, of(other.id)?.command], ["runc", ["sleep", "102"]]);
  assert.is(of(other.id)?.status, "running");
});

test("--rm leaves nothing", async () => {
  const left = watchMachine();
  printed(ran("true"));
  await left("of docker run --rm");
});

test("a script whose interpreter is missing is told of, and --rm leaves nothing", async () => {
  const left = watchMachine();
  const script = join(workDirectory, "script");
  writeFileSync(script, "#!/nope\n", { mode: 0o755 });
  for (let run = 0; run < 5; run++) {
    const flags = ["--rm", ...WITH_TSRUN, ...NO_NETWORK, "--volume", `${script}:/script`];
    const { status, stderr } = docker("run", ...flags, BUSYBOX, "/script");
    assert.is(status, 127);
    assert.match(stderr, /cannot exec \/script: no such file or directory \(execve: ENOENT\)/);
  }
  await left("of containers that could not start");
});

test("10 MB go through stdin, stdout and stderr each", () => {
  const size = 10 * 1024 * 1024;
  const input = "0123456789abcde\n".repeat(size / 16);
  const flags = ["--rm", "--interactive", "--log-driver", "none", ...WITH_TSRUN, ...NO_NETWORK];
  const said = call(
    ["docker", "--host", "unix:///run/docker.sock", "run", ...flags, BUSYBOX, "tee", "/dev/stderr"],
    {
      input,
    },
  );
  assert.is(said.status, 0);
  assert.ok(said.stdout === input, `${said.stdout.length} bytes came out`);
  assert.ok(said.stderr === input, `${said.stderr.length} bytes came out of stderr`);
});

test("--tty gives a terminal", async () => {
  const argv = ["docker", "run", "--rm", "--tty", "--interactive", ...WITH_TSRUN, ...NO_NETWORK];
  const env = { ...process.env, DOCKER_HOST: "unix:///run/docker.sock" };
  await using terminal = programAtTerminal([...argv, BUSYBOX, "sh", "-c", "tty; exit 5"], { cwd: "/", env });
  assert.is(await terminal.ended(), 5);
  assert.match(terminal.printed(), /\/dev\/pts\/0/);
});

test("the defaults are docker's: capabilities, seccomp, masked paths, a user", () => {
  const script = "grep -E '^(CapEff|Seccomp):' /proc/self/status | cut -f 2; wc -c </proc/keys; id -u";
  assert.is(printed(ran(script)), "00000000a80425fb\n2\n0\n0\n");
  const flags = ["--user", "1000:2000", "--group-add", "3000", "--cap-drop", "all"];
  assert.is(
    printed(ran("id -u; id -G; grep CapEff /proc/self/status | cut -f 2", ...flags)),
    "1000\n2000 3000\n0000000000000000\n",
  );
});

const CAP_SYS_RESOURCE = 1n << 24n;
const hasAll = (BigInt(`0x${status(process.pid).get("CapBnd")}`) & CAP_SYS_RESOURCE) !== 0n;
testIf(!hasAll, "CAP_SYS_RESOURCE is there")(
  "--privileged asks for capabilities that tsrun can't give here",
  () => {
    const { status, stderr } = ran("true", "--privileged");
    assert.is(status, 125);
    assert.match(
      stderr,
      /process\.capabilities: capset: EPERM .*cannot give capabilities that it lacks itself/,
    );
  },
);

test("a user that isn't root may open /dev/stdout and /dev/stderr", () => {
  const script = "echo out >/dev/stdout; echo err >/dev/stderr";
  const { stdout, stderr } = ran(script, "--user", "1000");
  assert.equal({ stdout, stderr }, { stdout: "out\n", stderr: "err\n" });
  using sleeper = box(["sleep", "100"]);
  const said = docker("exec", "--user", "1000", sleeper.id, "sh", "-c", script);
  assert.equal([said.stdout, said.stderr], ["out\n", "err\n"]);
});

test("--read-only, --tmpfs, --volume and --sysctl are kept to", () => {
  const flags = ["--read-only", "--tmpfs", "/scratch", "--volume", "/run/docker:/host:ro"];
  const script = "exec 2>&1; touch /x; touch /host/x; touch /scratch/x && echo scratch";
  assert.is(
    ran(script, ...flags).stdout,
    "touch: /x: Read-only file system\ntouch: /host/x: Read-only file system\nscratch\n",
  );
  const sysctl = ["--sysctl", "net.ipv4.ip_forward=1"];
  assert.is(printed(ran("cat /proc/sys/net/ipv4/ip_forward", ...sysctl)), "1\n");
});

test("a network of docker's, which a hook of libnetwork makes, reaches the container", async () => {
  const left = watchMachine();
  printed(docker("network", "create", "--subnet", "10.89.0.0/24", "blue"));
  {
    using web = box(["httpd", "-f", "-p", "8080", "-h", "/www"], "--network", "blue");
    const address = inspect(web.id, "NetworkSettings.Networks.blue.IPAddress");
    assert.is(printed(docker("exec", web.id, "hostname", "-i")), `${address}\n`);
    const page = () =>
      fetch(`http://${address}:8080/`).then(
        (answer) => answer.text(),
        () => "",
      );
    let text = await page();
    for (let tries = 0; text === "" && tries < 50; tries++) {
      await Bun.sleep(100);
      text = await page();
    }
    assert.match(text, /Hello from a pod/);
  }
  printed(docker("network", "rm", "blue"));
  await left("of a network");
});

test("exec runs a process, with its status, user, directory and terminal", async () => {
  using sleeper = box(["sleep", "100"]);
  const flags = ["--user", "app", "--workdir", "/www", "--env", "A=b"];
  const said = docker("exec", ...flags, sleeper.id, "sh", "-c", "id -un; pwd; echo $A; echo err >&2; exit 7");
  assert.equal(
    { status: said.status, stdout: said.stdout, stderr: said.stderr },
    { status: 7, stdout: "app\n/www\nb\n", stderr: "err\n" },
  );
});

test("what can't be executed ends docker with 127 or 126, and tsrun's words", () => {
  for (const [program, wanted, words] of [
    ["nope", 127, /executable file not found in \$PATH/],
    ["/etc/passwd", 126, /permission denied/],
  ] as const) {
    const { status, stderr } = docker("run", "--rm", ...WITH_TSRUN, ...NO_NETWORK, BUSYBOX, program);
    assert.is(status, wanted);
    assert.match(stderr, words);
    using sleeper = box(["sleep", "100"]);
    const said = docker("exec", sleeper.id, program);
    assert.is(said.status, 126); // docker 20.10 tells the two apart for `run` only
    assert.match(said.stdout + said.stderr, words);
  }
});

test("stop heeds SIGTERM, and kills who doesn't", () => {
  using polite = box(["sh", "-c", "trap 'exit 9' TERM; while :; do usleep 10000; done"]);
  using deaf = box(["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]);
  Bun.sleepSync(200); // until the traps are set
  printed(docker("stop", "--time", "10", polite.id));
  assert.is(inspect(polite.id, "State.ExitCode"), "9");
  printed(docker("stop", "--time", "1", deaf.id));
  assert.is(inspect(deaf.id, "State.ExitCode"), "137");
});

test("pause, top, unpause, restart", async () => {
  using sleeper = box(["sleep", "100"]);
  const pid = inspect(sleeper.id, "State.Pid");
  printed(docker("pause", sleeper.id));
  assert.is(inspect(sleeper.id, "State.Status"), "paused");
  assert.match(readFileSync(`${cgroup2Of(Number(pid))}/cgroup.events`, "utf8"), /frozen 1/);
  printed(docker("unpause", sleeper.id));
  assert.match(printed(docker("top", sleeper.id)), new RegExp(`${pid} .*sleep 100`));
  printed(docker("restart", "--time", "0", sleeper.id));
  assert.is(inspect(sleeper.id, "State.Status"), "running");
  assert.not(inspect(sleeper.id, "State.Pid") === pid);
});

test("--pid=container: joins another container's PID namespace", () => {
  using host = box(["sleep", "100"]);
  using guest = box(["sleep", "101"], "--pid", `container:${host.id}`, "--ipc", "host");
  const [first, second] = [host, guest].map(({ id }) => Number(inspect(id, "State.Pid")));
  assert.is(namespaceOf(first ?? 0, "pid"), namespaceOf(second ?? 0, "pid"));
  assert.is(namespaceOf(second ?? 0, "ipc"), namespaceOf("self", "ipc"));
  assert.match(printed(docker("exec", guest.id, "ps")), /sleep 100\n(.*\n)*.*sleep 101/);
});

test("a restart policy starts a container that crashed again", async () => {
  using crashing = box(["sh", "-c", "sleep 0.2; exit 1"], "--restart", "on-failure:2");
  await waitUntil(() => inspect(crashing.id, "RestartCount") === "2", "it was started twice again");
  await waitUntil(() => inspect(crashing.id, "State.Status") === "exited", "docker gave up");
  assert.is(inspect(crashing.id, "State.ExitCode"), "1");
});

test("a health check runs in the container", async () => {
  using sleeper = box(["sleep", "100"], "--health-cmd", "test -f /etc/passwd", "--health-interval", "200ms");
  await waitUntil(() => inspect(sleeper.id, "State.Health.Status") === "healthy", "it is healthy");
});

test("what docker saves is unpacked, and runs as its config says", () => {
  makeChanged(docker, ...WITH_TSRUN, ...NO_NETWORK);
  unpacksSaved((name, path) => docker("save", "--output", path, name));
});

test("nothing is left of all these, and then nothing of docker", async () => {
  await afterStart("of the containers");
  await daemon.stop();
  await atFirst("of docker");
});

test.run();
