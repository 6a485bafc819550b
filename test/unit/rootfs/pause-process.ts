/** Starts pause in the ways in which its tests look at it. */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { waitUntil } from "../../harness/wait.ts";

/** ppoll(2), in which pause waits, as /proc/PID/syscall numbers it: by the machine, also for an emulated program. */
const PPOLL = process.arch === "arm64" ? "73" : "271";

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running pause, which waits for signals; it is killed when the test is done with it. */
interface Pause extends Disposable {
  readonly pid: number;
  /** What was started: pause itself, or the parent that it has outside its PID namespace. */
  readonly child: ChildProcess;
  signal(name: NodeJS.Signals): void;
  ended(): Promise<Ended>;
}

/** Runs a command line to its end, killed after 5 s. */
export async function ran(command: readonly string[]): Promise<Ended> {
  const child = start(command);
  const limit = setTimeout(() => child.kill("SIGKILL"), 5000);
  const ended = await collect(child);
  clearTimeout(limit);
  return ended;
}

/** Starts a command line that is pause, or becomes it by exec. */
export async function paused(command: readonly string[]): Promise<Pause> {
  const child = start(command);
  return pause(child, () => child.pid);
}

/**
 * Starts a command line as PID 1 of a PID namespace of its own. `before` is shell script that runs as that PID 1
 * before it becomes the command; `go` is called as soon as it runs.
 */
export async function pausedAsInit(
  command: readonly string[],
  before = ":",
  go: (init: number, child: ChildProcess) => Promise<void> = async () => {},
): Promise<Pause> {
  const child = start([
    "unshare",
    "-pf",
    "--kill-child",
    "sh",
    "-c",
    `${before}; exec "$@"`,
    "sh",
    ...command,
  ]);
  const init = () => (child.pid === undefined ? undefined : childrenOf(child.pid)[0]?.pid);
  try {
    await waitUntil(() => init() !== undefined, "unshare has a child");
    await go(init() ?? 0, child);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  return pause(child, init);
}

interface Child {
  readonly pid: number;
  readonly zombie: boolean;
}

/** The children of a process, also those that have ended and were not reaped. */
export function childrenOf(parent: number): Child[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => ({ pid: Number(name), stat: readProc(`${name}/stat`) }))
    .map(({ pid, stat }) => ({ pid, fields: stat.slice(stat.lastIndexOf(")") + 2).split(" ") }))
    .filter(({ fields }) => fields[1] === String(parent))
    .map(({ pid, fields }) => ({ pid, zombie: fields[0] === "Z" }));
}

/** Empty for a process that has just gone. */
function readProc(path: string): string {
  try {
    return readFileSync(`/proc/${path}`, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // readFileSync throws nothing else
    if (code === "ENOENT" || code === "ESRCH") return "";
    throw error;
  }
}

/** Without an environment, whose size would show in the memory of the stack. */
function start(command: readonly string[]): ChildProcess {
  const [file = "", ...args] = command;
  const { PATH } = process.env;
  return spawn(file, args, { stdio: ["pipe", "pipe", "pipe"], env: PATH === undefined ? {} : { PATH } });
}

async function pause(child: ChildProcess, findPid: () => number | undefined): Promise<Pause> {
  const ended = collect(child);
  const waits = () => {
    const pid = findPid();
    return pid !== undefined && readProc(`${pid}/syscall`).startsWith(`${PPOLL} `);
  };
  try {
    await waitUntil(() => waits() || child.exitCode !== null, "pause waits for signals");
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  const pid = findPid() ?? 0;
  return {
    pid,
    child,
    signal: (name) => process.kill(pid, name),
    ended: () => ended,
    [Symbol.dispose]: () => void child.kill("SIGKILL"),
  };
}

function collect(child: ChildProcess): Promise<Ended> {
  const printed = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk) => (printed.stdout += String(chunk)));
  child.stderr?.on("data", (chunk) => (printed.stderr += String(chunk)));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, ...printed }));
  });
}
