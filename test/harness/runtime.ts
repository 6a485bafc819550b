import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { closeSync, copyFileSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { freshDirectory, isTsrun, runtimePath, stateRoot, workDirectory } from "./environment.ts";
import { plainEnvironment } from "./plain-environment.ts";
import { slowness } from "./slowness.ts";

/** What a finished call of the runtime left. */
export interface Outcome {
  /** The arguments, for messages. */
  readonly command: string;
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What is in both by now: a detached container goes on writing where its `create` wrote. */
  printed(): Printed;
}

interface Printed {
  readonly stdout: string;
  readonly stderr: string;
}

/** How the runtime is called, where it isn't the usual way. */
export interface Call {
  /** The state directory: the test file's own unless said otherwise, the runtime's default when null. */
  readonly root?: string | null;
  /** Global options, before the command. */
  readonly global?: readonly string[];
  readonly cwd?: string;
  /** Variables of the caller, over this process's. */
  readonly env?: Readonly<Record<string, string>>;
  /** What the runtime and the container read; /dev/null without it. */
  readonly input?: string;
  /** A program that is given the runtime's whole command line and execs it, such as `["nice", "-n", "5"]`. */
  readonly through?: readonly string[];
  /** Open descriptors of this process that the runtime is handed as its 3, 4, 5, … */
  readonly descriptors?: readonly number[];
}

/** A call that takes longer than this hangs, and is ended. */
const LIMIT_MS = 20_000 * slowness;

const outputs = join(workDirectory, "outputs");
mkdirSync(outputs);
let calls = 0;

/**
 * Calls the runtime and waits for its end. Its stdout and stderr are files: a container that goes on, having
 * inherited them, does not hold up the caller as it would with pipes.
 */
export function runtime(args: readonly string[], call: Call = {}): Outcome {
  for (let left = SPAWN_TRIES; ; left--) {
    try {
      return callOnce(args, call);
    } catch (error) {
      if (left === 1 || !isBadDescriptor(error)) throw error;
    }
  }
}

/**
 * On busy machines a descriptor of an output has been seen closed before its call began (posix_spawn: EBADF), by nothing
 * in these tests. The call is made again then.
 */
const SPAWN_TRIES = 3;

const isBadDescriptor = (error: unknown) =>
  error instanceof Error && "code" in error && error.code === "EBADF";

function callOnce(args: readonly string[], call: Call): Outcome {
  const { file, argv, options } = invocation(args, call);
  const output = openOutput();
  const { status, signal, error } = spawnSync(file, argv, {
    ...options,
    ...(call.input === undefined ? {} : { input: call.input }),
    stdio: [call.input === undefined ? "ignore" : "pipe", ...output.descriptors, ...(call.descriptors ?? [])],
    timeout: LIMIT_MS,
    killSignal: "SIGKILL",
  });
  output.close();
  if (error !== undefined && signal === null) throw error;
  return { command: args.join(" "), status, signal, ...output.read(), printed: output.read };
}

/** A call of the runtime that has not ended, such as a foreground `run`. */
export interface Running extends AsyncDisposable {
  readonly pid: number;
  readonly child: ChildProcess;
  /** What it and the container printed so far. */
  printed(): Printed;
  ended(): Promise<Outcome>;
}

/** Calls the runtime and does not wait. Its stdin is a pipe that stays open: `child.stdin`. */
export function startRuntime(args: readonly string[], call: Call = {}): Running {
  const { file, argv, options } = invocation(args, call);
  const output = openOutput();
  const child = spawn(file, argv, { ...options, stdio: ["pipe", ...output.descriptors] });
  output.close();
  const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
  const end = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (status, signal) => {
      clearTimeout(timer);
      resolve({ command: args.join(" "), status, signal, ...output.read(), printed: output.read });
    });
  });
  return {
    pid: child.pid ?? 0,
    child,
    printed: output.read,
    ended: () => end,
    async [Symbol.asyncDispose]() {
      child.stdin?.destroy();
      child.kill("SIGKILL");
      await end;
    },
  };
}

let copy: string | null = null;

/** At the end of `through`: the call is made with a copy, as the way to the runtime may be closed to its user. */
export function byCopy(): readonly string[] {
  if (copy === null) {
    copy = join(freshDirectory("binary"), basename(runtimePath));
    copyFileSync(runtimePath, copy);
  }
  return ["sh", "-c", `exec ${copy} "$@"`]; // the runtime's own path is the shell's $0
}

/** The command line of a call, and what else starts it. */
export function invocation(args: readonly string[], call: Call) {
  const root = call.root === null ? [] : ["--root", call.root ?? stateRoot];
  const whole = [...(call.through ?? []), ...[runtimePath, ...root, ...(call.global ?? []), ...args]];
  const [file = "", ...argv] = whole;
  const env = { ...plainEnvironment(), ...call.env };
  return { file, argv, options: { cwd: call.cwd ?? workDirectory, env } };
}

function openOutput() {
  calls += 1;
  const paths = [join(outputs, `${calls}.out`), join(outputs, `${calls}.err`)] as const;
  const descriptors = [openSync(paths[0], "a+"), openSync(paths[1], "a+")] as const;
  return {
    descriptors,
    close() {
      for (const descriptor of descriptors) {
        try {
          closeSync(descriptor);
        } catch (error) {
          if (!isBadDescriptor(error)) throw error;
        }
      }
    },
    read: () => ({ stdout: readFileSync(paths[0], "utf8"), stderr: readFileSync(paths[1], "utf8") }),
  };
}

/** `outcome`, when the call succeeded; throws with all that it said when not. */
export function succeeded(outcome: Outcome): Outcome {
  if (outcome.status === 0) return outcome;
  throw new Unexpected("success", outcome);
}

/**
 * `outcome`, when the call succeeded without a word on stderr, where callers would take it for output. A peer may
 * warn there: runc does when a cgroup needs a second try.
 */
export function silent(outcome: Outcome): Outcome {
  if (succeeded(outcome).stderr === "" || !isTsrun) return outcome;
  throw new Unexpected("success and nothing on stderr", outcome);
}

/** The one line on stderr of a call that failed; throws when it succeeded or said more, or less. */
export function complaint(outcome: Outcome): string {
  const lines = outcome.stderr.split("\n").filter((line) => line !== "");
  const [line] = lines;
  if (outcome.status !== null && outcome.status !== 0 && lines.length === 1 && line !== undefined)
    return line;
  throw new Unexpected("failure and one line on stderr", outcome);
}

/** What a call that failed said on stderr; more than one line where it is the command line that was wrong. */
export function refusal(outcome: Outcome): string {
  if (outcome.status !== null && outcome.status !== 0 && outcome.stderr !== "") return outcome.stderr;
  throw new Unexpected("failure and words on stderr", outcome);
}

/** A call that ended otherwise; uvu prints `details`, all that the call said, below the message. */
class Unexpected extends Error {
  readonly details: string;

  constructor(wanted: string, { command, status, signal, stdout, stderr }: Outcome) {
    super(`expected ${wanted}: ${command}`);
    this.details = `ended with ${status ?? signal}\nstdout: ${stdout}\nstderr: ${stderr}`;
  }
}
