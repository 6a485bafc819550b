import { closeSync, ftruncateSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One run of a command. */
export interface Lap {
  readonly milliseconds: number;
  /** The peak resident memory of the command or of one of the descendants that it waited for, in kB. */
  readonly peak: number;
  /** The processor time of all of them, in milliseconds. */
  readonly processor: number;
  readonly stdout: string;
}

/** A command that ended with anything but 0. */
export class CommandFailed extends Error {
  override readonly name = "CommandFailed";
}

/** How a command is to be run; the time is that of all times. */
interface Manner {
  /** One after the other; once, unless this says more. */
  readonly times?: number;
  /** The directory of the cgroup that it runs in; the bench's own, unless this is another. */
  readonly cgroup?: string;
}

const SECONDS = 60;

/** What commands find in their environment; BUN_OPTIONS and the like would change what is measured. */
const { PATH = "/usr/sbin:/usr/bin:/sbin:/bin" } = process.env;
const ENVIRONMENT = { PATH };

/** Runs commands one at a time and times them from posix_spawn(3) to wait4(2), in a C program of its own. */
export class Stopwatch implements Disposable {
  readonly #program: string;
  readonly #report: string;
  readonly #stdout: string;
  readonly #stderr: string;
  readonly #outputs: readonly [number, number];

  /** `program` is the compiled stopwatch.c; `directory` takes the commands' output. */
  constructor(program: string, directory: string) {
    this.#program = program;
    this.#report = join(directory, "stopwatch");
    this.#stdout = join(directory, "stdout");
    this.#stderr = join(directory, "stderr");
    this.#outputs = [openSync(this.#stdout, "a+"), openSync(this.#stderr, "a+")];
  }

  [Symbol.dispose](): void {
    for (const descriptor of this.#outputs) closeSync(descriptor);
  }

  /** Runs `command`, whose first word is a path. @throws CommandFailed */
  async time(command: readonly string[], { times = 1, cgroup }: Manner = {}): Promise<Lap> {
    // Files, not pipes: a container keeps the streams of its `create`, and nobody should wait for their end.
    for (const descriptor of this.#outputs) ftruncateSync(descriptor);
    const flags = ["-n", String(times), ...(cgroup === undefined ? [] : ["-c", cgroup])];
    const run = Bun.spawn([this.#program, ...flags, this.#report, ...command], {
      stdio: ["ignore", ...this.#outputs],
      env: ENVIRONMENT,
      timeout: SECONDS * 1000,
      killSignal: "SIGKILL",
    });
    const stopped = await run.exited;
    const stderr = readFileSync(this.#stderr, "utf8").trim();
    if (run.signalCode !== null)
      throw new CommandFailed(`${command.join(" ")}: still running after ${SECONDS} s`);
    if (stopped !== 0) throw new CommandFailed(stderr);
    const report = readFileSync(this.#report, "utf8").split(" ").map(Number);
    const [status, nanoseconds = Number.NaN, peak = Number.NaN, microseconds = Number.NaN] = report;
    if (status !== 0) throw new CommandFailed(`${command.join(" ")}: ${stderr || `wait status ${status}`}`);
    const stdout = readFileSync(this.#stdout, "utf8");
    return { milliseconds: nanoseconds / 1e6, peak, processor: microseconds / 1000, stdout };
  }
}

/** Whether a command, or several, did what they should. */
export async function succeeds(commands: Promise<unknown>): Promise<boolean> {
  try {
    await commands;
    return true;
  } catch (error) {
    if (error instanceof CommandFailed) return false;
    throw error;
  }
}
