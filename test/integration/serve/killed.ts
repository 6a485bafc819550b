/** Kills who takes part in a served command, right before each of its system calls. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { compiled } from "../../harness/compile.ts";
import { processes } from "../../harness/processes.ts";
import { type Call, invocation } from "../../harness/runtime.ts";

const follower = () => compiled("test/integration/serve/signal-at.c");

/** Signals a process, or what is called, right before its call `at`. */
export class Follower {
  private readonly child: ChildProcess;
  private words = "";

  constructor(
    signal: number,
    at: number,
    target: readonly string[],
    env: NodeJS.ProcessEnv,
    output: "ignore" | number,
  ) {
    const stdio = ["ignore", output, output, "pipe"] as const;
    this.child = spawn(follower(), [String(signal), String(at), ...target], { stdio: [...stdio], env });
    this.child.stdio[3]?.on("data", (bytes) => {
      this.words += bytes;
    });
  }

  /** Until it counts. */
  async follows(): Promise<void> {
    while (!this.words.includes("follows") && this.child.exitCode === null) await Bun.sleep(2);
  }

  /** Until all has ended. Whether it has signalled; else how many calls there were. */
  async ended(): Promise<{ readonly signalled: boolean; readonly calls: number }> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, "exit");
    await Bun.sleep(1);
    return {
      signalled: this.words.includes("signalled"),
      calls: Number(/(\d+) calls/.exec(this.words)?.[1] ?? 0),
    };
  }

  stop(): void {
    this.child.kill("SIGKILL");
  }
}

/** Calls tsrun, and signals it right before the call `at` of those from its first socket(2) on. */
export function following(
  signal: number,
  at: number,
  args: readonly string[],
  call: Call,
  output: number,
): Follower {
  const { file, argv, options } = invocation(args, call);
  return new Follower(signal, at, [file, ...argv], options.env, output);
}

/** Agents that have not become a container's program: they keep the command line that tsrun has given them. */
export function agents(): number[] {
  return processes().filter((pid) => isAgent(pid));
}

function isAgent(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("tsrun-agent\0");
  } catch {
    return false; // it has just ended
  }
}
