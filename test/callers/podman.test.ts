// Needs podman, conmon, ip, /etc/containers/policy.json.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cgroup2Controllers } from "../harness/cgroups.ts";
import { freshDirectory } from "../harness/environment.ts";
import { testIdmap } from "../harness/idmap.ts";
import { namespaceOf, status } from "../harness/processes.ts";
import { testIf } from "../harness/skip.ts";
import { programAtTerminal } from "../harness/terminal.ts";
import { waitUntil } from "../harness/wait.ts";
import { readTrace } from "../integration/trace/read-trace.ts";
import { call, printed } from "./call.ts";
import { BUSYBOX, PAUSE } from "./images.ts";
import { watchMachine } from "./leaks.ts";
import { box, configurePodman, createPod, NO_NETWORK, podman, ran } from "./podman.ts";
import { podsSeen } from "./pods-seen.ts";
import { makeChanged, unpacksSaved } from "./saved.ts";
import { SHOWN_IMAGE, testChapters } from "./typed.ts";
import { AS_ASKED, verified } from "./verified.ts";

configurePodman();
{
  using _ = box(["sleep", "100"]); // the first container makes podman's own directories
}
const controllers = cgroup2Controllers();
const afterStart = watchMachine();

function inspect(id: string, field: string): string {
  return printed(podman("inspect", "--format", `{{.${field}}}`, id)).trim();
}

test("it is tsrun that podman calls", () => {
  using sleeper = box(["sleep", "100"]);
  assert.is(inspect(sleeper.id, "OCIRuntime"), "tsrun");
  assert.match(printed(podman("info", "--format", "{{.Host.OCIRuntime.Version}}")), /^tsrun version/);
});

printed(podman("tag", BUSYBOX, SHOWN_IMAGE));
testChapters(import.meta.path, (command) =>
  command.replace("pod create", `pod create --infra-image ${PAUSE} ${NO_NETWORK.join(" ")}`),
);

const RICH = [
  ...["--user", "5:60", "--cap-add", "NET_RAW", "--security-opt", "no-new-privileges", "--read-only"],
  ...[
    "--tmpfs",
    "/tmp:size=64k,mode=1777",
    "--volume",
    "/etc:/www:ro",
    "--shm-size",
    "1m",
    "--device",
    "/dev/fuse",
  ],
  ...["--ulimit", "nofile=100:200", "--ulimit", "nproc=1024", "--workdir", "/home", "--hostname", "web"],
] as const;

for (const runtime of ["tsrun", "runc"])
  for (const [what, flags] of [
    ["a container", []],
    ["one with many flags", RICH],
    ["a privileged one", ["--privileged"]],
  ] as const)
    testIf(runtime === "tsrun" || Bun.which(runtime) !== null, `needs ${runtime}`)(
      `verify: ${what} of podman's, by ${runtime}, has what its config.json says`,
      async () => {
        const [program] = runtime === "tsrun" ? [] : [Bun.which(runtime)];
        using sleeper = box(["sleep", "100"], ...(program ? ["--runtime", program] : []), ...flags);
        const bundle = dirname(inspect(sleeper.id, "OCIConfigPath"));
        const { status, lines } = await verified(Number(inspect(sleeper.id, "State.Pid")), bundle);
        assert.match(lines.join("\n"), AS_ASKED);
        assert.is(status, 0);
      },
    );

test("a container's output, errors and exit status are podman's", () => {
  const { status, stdout, stderr } = ran("echo out; echo err >&2; exit 3");
  assert.equal({ status, stdout, stderr }, { status: 3, stdout: "out\n", stderr: "err\n" });
});

test("list --all-roots shows the containers of a pod together", () => {
  using own = box(["sleep", "101"]);
  const seen = podsSeen().find(({ containers }) => containers.some(({ id }) => id === own.id));
  assert.equal(
    seen?.containers.map(({ runtime, root, status, command }) => ({ runtime, root, status, command })),
    [{ runtime: "tsrun", root: "/run/tsrun", status: "running", command: ["sleep", "101"] }],
  );
});

test("--rm leaves nothing", async () => {
  const left = watchMachine();
  printed(ran("true"));
  await left("of podman run --rm");
});

test("10 MB go through stdin, stdout and stderr each", () => {
  const size = 10 * 1024 * 1024;
  const input = "0123456789abcde\n".repeat(size / 16);
  const argv = ["podman", "run", "--rm", "--interactive", ...NO_NETWORK, "--log-driver", "none", BUSYBOX];
  const said = call([...argv, "tee", "/dev/stderr"], { input });
  assert.is(said.status, 0);
  assert.ok(said.stdout === input, `${said.stdout.length} bytes came out`);
  assert.ok(said.stderr === input, `${said.stderr.length} bytes came out of stderr`);
});

test("--tty gives a terminal", async () => {
  const argv = ["podman", "run", "--rm", "--tty", ...NO_NETWORK, BUSYBOX, "sh", "-c", "tty; exit 5"];
  await using terminal = programAtTerminal(argv, { cwd: "/", env: process.env });
  assert.is(await terminal.ended(), 5);
  assert.match(terminal.printed(), /\/dev\/pts\/0/);
});

test("user, groups, directory, environment and host name reach the process", () => {
  const flags = ["--user", "1000:2000", "--group-add", "3000", "--workdir", "/www", "--env", "A=b c"];
  const said = printed(ran('id -u; id -G; pwd; echo "$A"; hostname', ...flags, "--hostname", "box"));
  assert.is(said, "1000\n2000 3000\n/www\nb c\nbox\n");
});

test("--group-add keep-groups keeps those of podman's caller", () => {
  const argv = ["podman", "run", "--rm", ...NO_NETWORK, "--group-add", "keep-groups", BUSYBOX, "id", "-G"];
  assert.is(printed(call(["setpriv", "--groups", "77,78", "--", ...argv])), "0 77 78\n");
});

test("--privileged with mappings has the host's devices, and a /dev/ptmx of its own", () => {
  const flags = ["--privileged", "--uidmap", "0:100000:65536"];
  const script = "readlink /dev/ptmx; test -c /dev/full && stat -c '%t %T' /dev/kmsg";
  assert.is(printed(ran(script, ...flags)), "pts/ptmx\n1 b\n");
});

test("--annotation org.tsrun.trace has a container's commands write their timelines", () => {
  const directory = freshDirectory("traces");
  printed(ran("true", "--annotation", `org.tsrun.trace=${directory}`));
  const traces = readdirSync(directory).map((file) => readTrace(join(directory, file)));
  assert.equal(traces.map(({ otherData }) => otherData.command.split(" ")[1]).sort(), ["create", "start"]);
  for (const trace of traces) assert.ok(trace.track("init").length > 0, trace.text);
});

test("--read-only, --tmpfs and --volume are kept to", () => {
  const volume = "/run/containers:/host:ro";
  const flags = ["--read-only", "--tmpfs", "/scratch", "--volume", volume];
  const { stdout } = ran("exec 2>&1; touch /x; touch /host/x; touch /scratch/x && echo scratch", ...flags);
  assert.is(stdout, "touch: /x: Read-only file system\ntouch: /host/x: Read-only file system\nscratch\n");
});

test("a tmpfs with tmpcopyup starts with what the image has there", () => {
  assert.match(printed(ran("cat /www/index.html", "--mount", "type=tmpfs,dst=/www")), /Hello from a pod/);
});

test("--cap-drop, --security-opt and --privileged are kept to", () => {
  const effective = "grep CapEff /proc/self/status | cut -f 2";
  assert.is(printed(ran(effective, "--cap-drop", "all")), "0000000000000000\n");
  assert.is(printed(ran(effective, "--privileged")), `${status(process.pid).get("CapBnd")}\n`);
  const flags = "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status | cut -f 2";
  assert.is(printed(ran(flags)), "0\n2\n");
  const options = ["--security-opt", "no-new-privileges", "--security-opt", "seccomp=unconfined"];
  assert.is(printed(ran(flags, ...options)), "1\n0\n");
});

test("a user namespace of its own makes its root nobody on the host", async () => {
  using sleeper = box(["sleep", "100"], "--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536");
  const pid = Number(inspect(sleeper.id, "State.Pid"));
  assert.match(status(pid).get("Uid") ?? "", /^100000\b/);
  assert.is(printed(podman("exec", sleeper.id, "id", "-u")), "0\n");
});

testIdmap("the idmap of a volume shows its files as other users'", () => {
  const volume = freshDirectory("volume");
  writeFileSync(join(volume, "file"), "");
  const shown = (option: string, ...flags: readonly string[]) =>
    printed(ran("stat -c %u:%g /volume/file", "--volume", `${volume}:/volume:${option}`, ...flags));
  assert.is(shown("idmap=uids=0-2000-10;gids=0-3000-10"), "2000:3000\n");
  const mapped = ["--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536"];
  assert.is(shown("idmap", ...mapped), "0:0\n");
  assert.is(shown("idmap=uids=@0-7-10;gids=@0-8-10", ...mapped), "7:8\n");
});

test("exec runs a process, with its status and a user of its own", () => {
  using sleeper = box(["sleep", "100"]);
  const said = podman("exec", "--user", "app", sleeper.id, "sh", "-c", "id -un; echo err >&2; exit 7");
  assert.equal(
    { status: said.status, stdout: said.stdout, stderr: said.stderr },
    { status: 7, stdout: "app\n", stderr: "err\n" },
  );
});

test("what can't be executed ends podman with 127 or 126, and tsrun's words", () => {
  for (const [program, wanted, words] of [
    ["nope", 127, /executable file not found in \$PATH/],
    ["/etc/passwd", 126, /[Pp]ermission denied/],
  ] as const) {
    const { status, stderr } = podman("run", "--rm", ...NO_NETWORK, BUSYBOX, program);
    assert.is(status, wanted);
    assert.match(stderr, words);
    using sleeper = box(["sleep", "100"]);
    assert.is(podman("exec", sleeper.id, program).status, wanted);
  }
});

test("stop heeds SIGTERM, and kills who doesn't", () => {
  using polite = box(["sh", "-c", "trap 'exit 9' TERM; while :; do usleep 10000; done"]);
  using deaf = box(["sh", "-c", "trap '' TERM; while :; do sleep 1; done"]);
  Bun.sleepSync(200); // until the traps are set
  printed(podman("stop", "--time", "10", polite.id));
  assert.is(inspect(polite.id, "State.ExitCode"), "9");
  printed(podman("stop", "--time", "1", deaf.id));
  assert.is(inspect(deaf.id, "State.ExitCode"), "137");
});

test("pause and unpause", async () => {
  using busy = box(["sh", "-c", "while :; do echo >>/tmp/beats; usleep 10000; done"]);
  const beats = () => printed(podman("exec", busy.id, "wc", "-l", "/tmp/beats"));
  printed(podman("pause", busy.id));
  assert.is(inspect(busy.id, "State.Status"), "paused");
  const file = `/proc/${inspect(busy.id, "State.Pid")}/root/tmp/beats`;
  const { length } = readFileSync(file);
  await Bun.sleep(200);
  assert.is(readFileSync(file).length, length);
  printed(podman("unpause", busy.id));
  await waitUntil(() => readFileSync(file).length > length, `it beats again: ${beats()}`);
});

test("restart runs the same container anew", () => {
  using sleeper = box(["sleep", "100"]);
  const pid = inspect(sleeper.id, "State.Pid");
  printed(podman("restart", "--time", "0", sleeper.id));
  assert.not(inspect(sleeper.id, "State.Pid") === pid);
  assert.is(inspect(sleeper.id, "State.Status"), "running");
});

test("--pid=container: joins another container's PID namespace, and its end spares that one", () => {
  using host = box(["sleep", "100"]);
  {
    using guest = box(["sleep", "101"], `--pid=container:${host.id}`);
    const pids = [host, guest].map(({ id }) => Number(inspect(id, "State.Pid")));
    const [first, second] = pids.map((pid) => namespaceOf(pid, "pid"));
    assert.is(first, second);
    assert.match(printed(podman("exec", guest.id, "ps")), /sleep 100\n(.*\n)*.*sleep 101/);
  }
  assert.is(inspect(host.id, "State.Status"), "running");
  assert.not.match(printed(podman("exec", host.id, "ps")), /sleep 101/);
});

test("a pod's containers share the namespaces of its infra container", async () => {
  const left = watchMachine();
  {
    using _ = createPod("pod", ...NO_NETWORK, "--share-parent=false");
    const inPod = ["--pod", "pod", "--detach"];
    const one = printed(
      podman("run", ...inPod, BUSYBOX, "httpd", "-f", "-p", "127.0.0.1:8080", "-h", "/www"),
    ).trim();
    const two = printed(podman("run", ...inPod, BUSYBOX, "sleep", "100")).trim();
    const pids = [one, two].map((id) => Number(inspect(id, "State.Pid")));
    for (const kind of ["net", "ipc", "uts"] as const)
      assert.is(new Set(pids.map((pid) => namespaceOf(pid, kind))).size, 1, kind);
    assert.match(
      printed(podman("exec", two, "wget", "-q", "-O", "-", "http://127.0.0.1:8080/")),
      /Hello from a pod/,
    );
    assert.is(printed(podman("exec", two, "hostname")), "pod\n");
  }
  await left("of a pod");
});

test("a pod may share its PID namespace", () => {
  using _ = createPod("together", ...NO_NETWORK, "--share-parent=false", "--share", "pid,ipc,net,uts");
  const id = printed(podman("run", "--pod", "together", "--detach", BUSYBOX, "sleep", "100")).trim();
  assert.match(printed(podman("exec", id, "ps")), /1 root +\/pause/);
  const seen = podsSeen().find(({ containers }) => containers.some((one) => one.id === id));
  assert.equal(
    seen?.containers.map(({ command }) => command.join(" ")),
    ["/pause", "sleep 100"],
  );
  printed(podman("rm", "--force", "--time", "0", id));
  assert.match(printed(podman("pod", "ps", "--format", "{{.Name}} {{.NumberOfContainers}}")), /together 1/);
});

test("when podman's cgroupfs driver has closed a pod's cgroup to all devices, tsrun says what to look at", () => {
  using _ = createPod("closed", ...NO_NETWORK);
  const { status, stderr } = podman("run", "--pod", "closed", "--detach", BUSYBOX, "true");
  assert.is(status, 126);
  assert.match(
    stderr,
    /default device \/dev\/null: .* do the device rules of the cgroups above the container allow it\?/,
  );
});

testIf(!controllers.has("memory"), "the cgroup controller memory is there")(
  "a limit that this host can't set is refused, and podman shows why",
  () => {
    const { status, stderr } = ran("true", "--memory", "64m");
    assert.not.equal(status, 0);
    assert.match(stderr, /memory/);
  },
);

test("what podman saves is unpacked, and runs as its config says, in each of its formats", () => {
  makeChanged(podman, ...NO_NETWORK);
  for (const format of ["docker-archive", "oci-archive", "oci-dir"])
    unpacksSaved((name, path) => podman("save", "--quiet", "--format", format, "--output", path, name));
});

test("nothing is left of all these", async () => {
  await afterStart("of the containers");
});

test.run();
