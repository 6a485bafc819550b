/** A tsrun server, in a test. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { freshDirectory, runtimePath } from "../../harness/environment.ts";
import { plainEnvironment } from "../../harness/plain-environment.ts";
import { lives } from "../../harness/processes.ts";
import type { Call } from "../../harness/runtime.ts";
import { waitUntil } from "../../harness/wait.ts";

/** What `serve --status --json` prints, as far as tests look at it. */
interface Status {
  readonly pid: number;
  readonly running: number;
  readonly served: Readonly<Record<string, { readonly count: number }>>;
  readonly refused: Readonly<Record<string, number>>;
  readonly memory: number;
}

export interface Serving extends AsyncDisposable {
  readonly socket: string;
  readonly pid: number;
  /** How a command is called that may be served. */
  readonly call: Call;
  readonly child: ChildProcess;
  status(): Status;
  /** How many commands it has done. */
  served(): number;
  /** What it has printed: nothing, unless something is wrong. */
  printed(): string;
}

interface ServingOptions {
  /** A command line that execs the server: `["setpriv", "--no-new-privs"]`. */
  readonly through?: readonly string[];
  /** Where it listens. */
  readonly socket?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Flags of `serve`. */
  readonly flags?: readonly string[];
}

export async function serving({
  through = [],
  socket,
  env = {},
  flags = [],
}: ServingOptions = {}): Promise<Serving> {
  const directory = freshDirectory("serve");
  const path = socket ?? join(directory, "socket");
  const log = join(directory, "log");
  const output = openSync(log, "a");
  const [file = "", ...argv] = [...through, runtimePath, "--no-serve", "serve", ...flags];
  const own = { ...plainEnvironment(), TSRUN_SERVE: path, ...env };
  const child = spawn(file, argv, { stdio: ["ignore", output, output], env: own });
  await waitUntil(() => child.exitCode !== null || listens(child.pid, path), "a server listens");
  return {
    ...{ socket: path, pid: child.pid ?? 0, child, call: { env: { TSRUN_SERVE: path, ...env } } },
    status: () => statusAt(own),
    served: () => Object.values(statusAt(own).served).reduce((sum, { count }) => sum + count, 0),
    printed: () => readFileSync(log, "utf8"),
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}

/** Whether a process listens there: who binds a socket has its file a moment before (unix(7), proc_pid_net(5)). */
function listens(pid: number | undefined, path: string): boolean {
  if (pid === undefined) return false;
  const line = readFileSync(`/proc/${pid}/net/unix`, "utf8")
    .split("\n")
    .find((one) => one.endsWith(` ${path}`));
  return line?.split(/\s+/)[3] === "00010000"; // SO_ACCEPTCON
}

function statusAt(env: NodeJS.ProcessEnv): Status {
  const argv = ["--no-serve", "serve", "--status", "--json"];
  const { stdout, stderr } = spawnSync(runtimePath, argv, { encoding: "utf8", env, timeout: 10_000 });
  if (stdout === "") throw new Error(`the server does not answer: ${stderr}`);
  return JSON.parse(stdout) as Status; // what the server says of itself
}

/** Whether it runs, answers and has printed nothing. */
export function isWell(server: Serving): boolean {
  return lives(server.pid) && server.status().pid === server.pid && server.printed() === "";
}
