/**
 * Shows a pod: `make demo`, or as root `bun rootfs/demo.ts` when all is built.
 *
 * A line after `$` is run by a shell as it stands, and its output follows. Edits of a config.json, which a person
 * makes in an editor, stand after `~`. At the end nothing is left, and that is checked.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { cgroupsNamed } from "../test/harness/cgroups.ts";
import { DemoShell } from "./demo-shell.ts";

const PROJECT = resolve(import.meta.dir, "..");
const DIRECTORY = mkdtempSync(join(tmpdir(), "tsrun-demo-"));
const STATE = join(DIRECTORY, "state");
/** The pod's cgroup, which has each container's below it. No other demo has this name. */
const POD = basename(DIRECTORY);
const KINDS = ["net", "ipc", "uts", "pid", "mnt", "cgroup", "user", "time"] as const;
const WAIT_MS = 10_000;

const demo = new DemoShell(DIRECTORY, `tsrun() { '${PROJECT}/bin/tsrun' --root '${STATE}' "$@"; }`);

try {
  await prepare();
  await sandbox();
  await initContainers();
  await webAndClient();
  await deathOfAWorkload();
  await sharedProcesses();
  const before = await end();
  process.exitCode = reportLeft(before);
} catch (error) {
  console.error(
    demo.stopped ? "\nStopped." : `\nThe demo failed: ${error instanceof Error ? error.message : error}`,
  );
  process.exitCode = demo.stopped ? 130 : 1;
} finally {
  await cleanUp();
}

// The acts

async function prepare(): Promise<void> {
  demo.act("Four bundles", "A bundle is a directory with a root file system and a config.json.");
  demo.say(`Here, in ${DIRECTORY}, tsrun stands for ${PROJECT}/bin/tsrun --root ${STATE}.`);
  await demo.type(`cp -a ${PROJECT}/build/bundles/sandbox .`);
  await demo.type(
    `for name in init web client; do mkdir $name && cp -a ${PROJECT}/build/rootfs/busybox $name/rootfs; done`,
  );
  await demo.type("mkdir volume");
}

async function sandbox(): Promise<void> {
  demo.act(
    "The sandbox",
    "pause, in namespaces of its own. They are the pod; all other containers join them.",
  );
  demo.edit("sandbox", { "linux.cgroupsPath": `/${POD}/pod` });
  await demo.type("tsrun run --detach --output pod.log --bundle sandbox pod");
  await demo.type("tsrun state pod");
}

async function initContainers(): Promise<void> {
  demo.act(
    "Init containers",
    "Each runs to its end before the next one starts; between them pause holds the namespaces.",
  );
  await demo.type("tsrun spec --sandbox pod --bundle init");
  const volume = {
    destination: "/www",
    type: "bind",
    source: join(DIRECTORY, "volume"),
    options: ["rbind", "rw"],
  };
  demo.edit("init", { "linux.cgroupsPath": `/${POD}/init`, "mounts.+": volume });
  for (const [index, redirection] of [">", ">>"].entries()) {
    const line = `<p>init-${index + 1}, on $(hostname), in $(readlink /proc/self/ns/net)</p>`;
    demo.edit("init", { "process.args": ["sh", "-c", `echo "${line}" ${redirection}/www/index.html`] });
    await demo.type(`tsrun run --bundle init init-${index + 1}`);
    await demo.type("tsrun list");
  }
}

async function webAndClient(): Promise<void> {
  demo.act(
    "Two workloads",
    "web serves what the init containers wrote; client fetches it over the pod's 127.0.0.1.",
  );
  await demo.type("tsrun spec --sandbox pod --bundle web");
  const volume = {
    destination: "/www",
    type: "bind",
    source: join(DIRECTORY, "volume"),
    options: ["rbind", "ro"],
  };
  demo.edit("web", {
    "process.args": ["httpd", "-f", "-p", "127.0.0.1:8080", "-h", "/www"],
    "mounts.+": volume,
    "linux.cgroupsPath": `/${POD}/web`,
  });
  await demo.type("tsrun run --detach --output web.log --bundle web web");
  await demo.type("tsrun spec --sandbox pod --bundle client");
  demo.edit("client", {
    "process.args": ["wget", "-q", "-O", "-", "http://127.0.0.1:8080/"],
    "linux.cgroupsPath": `/${POD}/client`,
  });
  await demo.type("tsrun create --output client.log --bundle client client");
  await demo.type("tsrun list");
  console.log();
  demo.say("Who is in which namespace: inode numbers, as lsns(8) shows them.");
  await showNamespaces(["pod", "web", "client"]);
  const web = await pidOf("web");
  await until("web listens", () => listensOn(8080, web));
  await demo.type("tsrun start client");
  await until("client has ended", async () => (await stateOf("client")).status === "stopped");
  await demo.type("tsrun logs client");
  await demo.type("tsrun delete client");
}

async function deathOfAWorkload(): Promise<void> {
  demo.act("The death of a workload", "It takes nothing with it: the pod goes on, and a new web may join.");
  await demo.type("tsrun kill web KILL");
  await until("web has ended", async () => (await stateOf("web")).status === "stopped");
  await demo.type("tsrun list");
  await demo.type("tsrun delete web");
}

async function sharedProcesses(): Promise<void> {
  demo.act(
    "One PID namespace",
    "The same once more, with the sandbox's PID namespace too. There pause is process 1.",
  );
  const pidNamespace = { "linux.namespaces.pid.path": `/proc/${await pidOf("pod")}/ns/pid` };
  demo.edit("web", pidNamespace);
  demo.edit("client", { ...pidNamespace, "process.args": ["sleep", "600"] });
  await demo.type("tsrun run --detach --output web.log --bundle web web");
  await demo.type("tsrun run --detach --output client.log --bundle client client");
  await showNamespaces(["pod", "web", "client"]);
  const processes = "tsrun exec web ps -o pid,ppid,stat,args";
  await demo.type(processes);
  console.log();
  demo.say(
    "An orphan: its parent, a shell, ends at once. Process 1 becomes its parent, and reaps it in the end.",
  );
  await demo.type("tsrun exec web sh -c '(sleep 1 >/dev/null 2>&1 &)'");
  await demo.type(processes);
  await demo.type("sleep 1.2");
  await demo.type(processes);
}

/** Returns what must be gone after it: the processes of the pod. */
async function end(): Promise<readonly Identity[]> {
  demo.act("The end of the pod", "The sandbox's process 1 takes all others of its PID namespace with it.");
  const processes = identities();
  await demo.type("tsrun delete --force pod");
  await demo.type("tsrun list");
  await demo.type("tsrun delete web && tsrun delete client");
  return processes;
}

// What is asked

async function showNamespaces(ids: readonly string[]): Promise<void> {
  const pids = await Promise.all(ids.map(pidOf));
  const inode = (pid: number | "self", kind: string) =>
    readlinkSync(`/proc/${pid}/ns/${kind}`).replace(/\D/g, "");
  const row = (cells: readonly string[]) =>
    console.log(`   ${cells.map((cell) => cell.padEnd(12)).join("")}`.trimEnd());
  row(["", ...ids]);
  for (const kind of KINDS) {
    const inodes = pids.map((pid) => inode(pid, kind));
    const different = new Set(inodes).size;
    const own = different === ids.length ? "each its own" : "some share it";
    row([kind, ...inodes, different > 1 ? own : inodes[0] === inode("self", kind) ? "the host's" : "shared"]);
  }
  console.log();
}

async function stateOf(id: string): Promise<{ readonly status: string; readonly pid: number }> {
  return JSON.parse((await demo.run(`tsrun state ${id}`)).output); // runtime-spec's state
}

async function pidOf(id: string): Promise<number> {
  return (await stateOf(id)).pid;
}

/** Whether something listens on a TCP port in the network namespace of a process. */
function listensOn(port: number, pid: number): boolean {
  const local = `:${port.toString(16).toUpperCase().padStart(4, "0")} 00000000:0000 0A`;
  return readFileSync(`/proc/${pid}/net/tcp`, "utf8").includes(local);
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + WAIT_MS; !(await holds()); await Bun.sleep(10))
    if (demo.stopped || Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
}

/** A process by its pid and its start time, which no later process has both. */
type Identity = `${number} ${string}`;

function identities(): readonly Identity[] {
  const pids = cgroupsNamed(POD).flatMap((path) =>
    readFileSync(join(path, "cgroup.procs"), "utf8").split("\n").filter(Boolean).map(Number),
  );
  return pids.flatMap((pid) => identityOf(pid) ?? []);
}

function identityOf(pid: number): Identity | null {
  if (!existsSync(`/proc/${pid}/stat`)) return null;
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/.*\) /s, "").split(" ");
  return fields[0] === "Z" ? null : `${pid} ${fields[19]}`;
}

// What is left

/** Shows what is left of the pod. Returns the exit status: 1 when anything is. */
function reportLeft(processes: readonly Identity[]): number {
  demo.act("What is left", "Looked for in /proc, /proc/self/mountinfo, the cgroup hierarchies and --root.");
  const left = {
    processes: processes.filter((one) => identityOf(Number.parseInt(one, 10)) === one),
    mounts: readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .filter((line) => line.includes(DIRECTORY)),
    cgroups: cgroupsNamed(POD),
    "state directories": readdirSync(STATE),
  };
  for (const [what, found] of Object.entries(left))
    console.log(`   ${String(found.length).padStart(3)} ${what}  ${found.join(", ")}`.trimEnd());
  return Object.values(left).some((found) => found.length > 0) ? 1 : 0;
}

/** Ends what a failed or stopped demo has left, and removes the bundles. */
async function cleanUp(): Promise<void> {
  await demo.run("tsrun list -q | while read -r id; do tsrun delete --force $id; done");
  rmSync(DIRECTORY, { recursive: true });
}
