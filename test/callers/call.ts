import { spawn, spawnSync } from "node:child_process";
import { plainEnvironment } from "../harness/plain-environment.ts";
import { slowness } from "../harness/slowness.ts";

/** What a program that has ended said. */
export interface Said {
  readonly command: string;
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const SECONDS = 60 * slowness;
const MOST_OUTPUT = 64 * 1024 * 1024;

/** Runs a program to its end; one that takes longer than a minute, or more where all is slow, is killed, and its status is null. */
export function call(
  argv: readonly string[],
  {
    input = "",
    env = plainEnvironment(),
  }: { readonly input?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Said {
  const [file = "", ...args] = argv;
  const { status, stdout, stderr, error } = spawnSync(file, args, {
    input,
    env,
    encoding: "utf8",
    timeout: SECONDS * 1000,
    killSignal: "SIGKILL",
    maxBuffer: MOST_OUTPUT,
  });
  if (error !== undefined && status !== null) throw error;
  return { command: argv.join(" "), status, stdout, stderr };
}

/** A program that has not ended. */
export interface Calling extends AsyncDisposable {
  /** What it has printed on both streams. */
  printed(): string;
  ended(): Promise<Said>;
}

/** Starts a program and does not wait; it is killed when it is disposed of, or after a minute. */
export function startCall(argv: readonly string[], input: string | null = null): Calling {
  const [file = "", ...args] = argv;
  const child = spawn(file, args, {
    stdio: [input === null ? "ignore" : "pipe", "pipe", "pipe"],
    env: plainEnvironment(),
    timeout: SECONDS * 1000,
    killSignal: "SIGKILL",
  });
  child.stdin?.on("error", () => {}).end(input); // EPIPE: a program need not read it
  let stdout = "";
  let stderr = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const end = new Promise<Said>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve({ command: argv.join(" "), status, stdout, stderr }));
  });
  return {
    printed: () => stdout + stderr,
    ended: () => end,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await end;
    },
  };
}

/** What a program printed; throws, with all that it said, unless it exits 0. */
export function printed(said: Said): string {
  if (said.status === 0) return said.stdout;
  throw new Refused(said);
}

/** uvu prints `details` below the message. */
class Refused extends Error {
  readonly details: string;

  constructor({ command, status, stdout, stderr }: Said) {
    super(`ended with ${status}: ${command}`);
    this.details = `stdout: ${stdout}\nstderr: ${stderr}`;
  }
}
