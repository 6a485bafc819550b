import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { removeCgroups } from "./cgroups.ts";
import { type Served, servedIn } from "./served.ts";
import { type Skipped, skipsIn } from "./skip.ts";

/** How one test file ended. `failed` counts its failed tests, and 1 for a file that crashed or ran nothing. */
export interface FileResult {
  readonly file: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: readonly Skipped[];
  readonly seconds: number;
  /** Why the file as a whole failed, where that isn't one of its tests. */
  readonly complaints: readonly string[];
  readonly output: string;
  /** What a server did of its commands, in a warm run. */
  readonly served?: Served;
}

/** What a test file runs in, apart from the rest of the machine. */
export interface Surroundings {
  /** Makes them, with a tmpfs over $TSRUN_TEST_DIR, and runs the command that follows. */
  readonly command: readonly string[];
  /** Whether a cgroup belongs to them; those of containers are a leak. */
  readonly owns: (cgroup: string) => boolean;
  /** Where tsrun finds a server by itself in there; null where the path is the host's. */
  readonly socket: string | null;
}

const WITH_SERVER = join(import.meta.dir, "with-server.ts");

/**
 * Runs one test file in a Bun of its own, ended after `limit` seconds; null surrounds it with the machine as it is. Its
 * commands are its own to do, or, `warm`, those of a server beside it.
 */
export async function runFile(
  file: string,
  limit: number,
  surroundings: Surroundings | null,
  warm = false,
): Promise<FileResult> {
  const began = performance.now();
  const words = warm ? [WITH_SERVER, file, ...(surroundings?.socket ? [surroundings.socket] : [])] : [file];
  const bun = ["timeout", "-s", "KILL", String(limit), process.execPath, ...words];
  if (surroundings === null) return judge(file, began, limit, await capture(bun, process.env));

  const directory = mkdtempSync(join(tmpdir(), "tsrun-test-"));
  try {
    const { command, owns } = surroundings;
    const ended = await capture([...command, ...bun], {
      ...process.env,
      ...{ TSRUN_TEST_DIR: directory, ...(warm ? {} : { TSRUN_SERVE: "off" }) },
    });
    const leaked = await removeCgroups(testToken(directory));
    return judge(
      file,
      began,
      limit,
      ended,
      leaked.filter((cgroup) => !owns(cgroup)),
    );
  } finally {
    rmdirSync(directory); // empty: the tmpfs over it went with its mount namespace
  }
}

const COVER = `
  mount -t tmpfs -o mode=755 tsrun-test "$TSRUN_TEST_DIR" &&
  mknod -m 666 "$TSRUN_TEST_DIR/null" c 1 3 && mount --bind "$TSRUN_TEST_DIR/null" /dev/null`;

/**
 * A PID and a mount namespace: what a test sees in /proc and mountinfo is only its own doing, so that a leak check
 * can be exact while other things happen on the machine; and when the namespace's init ends, so does every process in
 * it, whatever the tests did. The shell is that init: it reaps the orphans. The tmpfs takes no `noexec` or `nodev`
 * from the machine's /tmp or /run, and its device nodes and set-uid files concern nobody else. /dev/null is a copy: a
 * runtime gives its container's standard streams to the container's user, and crun does so even with the host's device.
 */
export const NAMESPACES: Surroundings = {
  command: [
    ...["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--propagation", "private"],
    ...["sh", "-c", `${COVER} && "$@"; exit $?`, "sh"],
  ],
  owns: () => false,
  socket: null,
};

/** The part of $TSRUN_TEST_DIR's name that no other test file has; every container id and cgroup carries it. */
export function testToken(directory: string): string {
  return basename(directory).replace("tsrun-test-", "");
}

interface Ended {
  readonly how: number | NodeJS.Signals;
  readonly output: string;
}

const running = new Set<ChildProcess>();

/** Kills the test files that run; `runFile` then clears up after them as it does after each. */
export function stopFiles(): void {
  for (const child of running) child.kill("SIGKILL");
}

function capture(command: readonly string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const [file = "", ...args] = command;
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...env, NO_COLOR: "1" } });
    running.add(child);
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.on("error", reject);
    child.on("close", (status, signal) => {
      running.delete(child);
      resolve({ how: status ?? signal ?? "SIGKILL", output: Buffer.concat(chunks).toString() });
    });
  });
}

const SIGKILLED = 128 + 9;

function judge(file: string, began: number, limit: number, ended: Ended, leaked: string[] = []): FileResult {
  const { how, output } = ended;
  const [total, passed, uvuSkips] = [
    count(output, "Total"),
    count(output, "Passed"),
    count(output, "Skipped"),
  ];
  const skipped = skipsIn(output);
  const complaints: string[] = [];
  const finished = total !== undefined && passed !== undefined;
  const seconds = (performance.now() - began) / 1000;

  if ((how === SIGKILLED || how === "SIGKILL") && seconds >= limit) complaints.push(`took over ${limit} s`);
  else if (!finished) complaints.push(`crashed (${how}) before its tests had ended; is test.run() missing?`);
  else if (how !== 0 && passed === total) complaints.push(`exited ${how} though its tests passed`);
  if (how === 0 && finished && passed < total) complaints.push("has a before or after hook that threw");
  if (finished && total === 0 && skipped.length === 0) complaints.push("holds no test");
  if (uvuSkips) complaints.push(`left out ${uvuSkips} by test.skip or test.only: use testIf, which says why`);
  const served = servedIn(output);
  if (served !== null) complaints.push(...served.complaints);
  if (served?.commands === 0 && skipped.length === 0)
    complaints.push("was to run warm, and no command was served");
  if (leaked.length > 0) complaints.push(`left ${leaked.length} cgroups, now removed, such as ${leaked[0]}`);

  const failed = Math.max(finished ? total - passed : 0, complaints.length > 0 ? 1 : 0);
  const result = { file, passed: passed ?? 0, failed, skipped, seconds, complaints, output };
  return served === null ? result : { ...result, served };
}

/** A number of uvu's closing summary. */
function count(output: string, label: "Total" | "Passed" | "Skipped"): number | undefined {
  const found = [...output.matchAll(new RegExp(`^ {2}${label}: +(\\d+)$`, "gm"))].at(-1)?.[1];
  return found === undefined ? undefined : Number(found);
}
