/**
 * The process that tsrun acts for: the one that called it. Agents are its children, so containers and hooks inherit from
 * it what the kernel hands down (namespaces, limits, credentials, umask, oom score, cgroup); the rest is told here.
 *
 * On the command line that is tsrun itself (own-caller.ts). Paths are opened by tsrun, so both must be in the same mount
 * namespace, with the same root directory.
 */
export interface Caller {
  /** Its directory in proc(5). */
  readonly proc: string;
  /** The namespace that it has of the kind with this name in /proc/PID/ns, as namespaces(7) identifies it. */
  namespace(file: string): string;
  /** Its effective user and group. */
  readonly uid: number;
  readonly gid: number;
  readonly env: Environment;
  /** The standard streams of what is started for it, as descriptors of tsrun: its own, but for `output`. */
  readonly streams: Streams;
  /** A file in place of its standard output and error for containers' processes; null: they get its own. */
  output: Output | null;
  /** Its umask, for files that tsrun makes for it; 0 if the kernel applies it already. */
  readonly umask: number;
  /** The soft limit of open files for its processes; 0n if they inherit the right one. */
  readonly openFiles: bigint;
  /** Hands down descriptors of tsrun to the agents that are started next. Returns their numbers there. */
  pass(descriptors: readonly number[]): readonly number[];
  /** Starts an agent as its child, on a mailbox file by its number there. Returns the agent's pid. @throws SyscallError */
  start(mailbox: number): number;
  /** Takes an ended child's status (wait(2)); null while it runs, with `wait` false. @throws SyscallError */
  reap(pid: number, wait: boolean): number | null;
  /** Takes the status of a child that has ended, which nobody wants. */
  forget(pid: number): void;
  /** Whether a child still runs. It is not reaped: its exit status is for whoever waits for the container. */
  isRunning(pid: number): boolean;
  /**
   * Kills and reaps a child, unless that has been reaped. One that does not die within so many milliseconds, as it is in an
   * uninterruptible sleep, is left to it.
   */
  end(pid: number, patience?: number): Promise<void>;
}

export type Environment = Readonly<Record<string, string | undefined>>;
export type Streams = readonly [number, number, number];

/** A file that was opened for a process's output. */
export interface Output {
  /** Absolute. */
  readonly path: string;
  /** Its descriptor in tsrun. */
  readonly fd: number;
}

/** These streams with the output to a file, if there is one. */
export function withOutput([input, output, errors]: Streams, file: Output | null): Streams {
  return file === null ? [input, output, errors] : [input, file.fd, file.fd];
}
