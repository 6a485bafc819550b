/** conmon, called as CRI-O calls it: it calls tsrun, keeps a container's streams, and tells how all of it went. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freshDirectory, runtimePath, workDirectory } from "../harness/environment.ts";
import { slowness } from "../harness/slowness.ts";
import { waitUntil } from "../harness/wait.ts";
import { call, type Said } from "./call.ts";
import { logIsWhole, textOf } from "./kubelet-log.ts";
import { ROOT } from "./snippets.ts";

const SECONDS = 60;

/** CRI-O hands nothing on of its own environment but these. */
const ENVIRONMENT = { CRI_O_EXTERNAL: "1", PATH: process.env["PATH"] ?? "" };

/** What conmon writes when a container was made, or an exec has ended. */
export interface Told {
  /** -1, and a message, when it could not be made. */
  readonly pid?: number;
  /** -1, and a message, when it could not be run to its end. */
  readonly exit_code?: number;
  readonly message?: string;
}

/** Calls tsrun as CRI-O itself does, with something to read. */
export function tsrun(words: readonly string[], input = ""): Said {
  return call([runtimePath, "--root", ROOT, ...words], { input, env: ENVIRONMENT });
}

export interface Monitored {
  readonly told: Told;
  readonly pidFile: string;
  /** What the container has printed on both streams. */
  log(): string;
  /** Its exit status, once conmon has written that down. */
  ended(): Promise<number>;
}

/** Has conmon make a container of a bundle: `tsrun create`. */
export async function create(id: string, bundle: string, ...flags: readonly string[]): Promise<Monitored> {
  const [exits, pidFile] = [freshDirectory("exits"), join(bundle, "pidfile")];
  const log = join(bundle, "ctr.log");
  const told = await conmon([
    ...["-b", bundle, "-c", id, "-n", `k8s_${id}`, "-u", id, "--exit-dir", exits, "-l", log],
    ...["-P", join(bundle, "conmon-pidfile"), "-p", pidFile, "--persist-dir", bundle, "--syslog"],
    ...flags,
  ]);
  return {
    told,
    pidFile,
    log: () => textOf(log),
    async ended() {
      await waitUntil(() => existsSync(join(exits, id)), `conmon tells of ${id}'s end`);
      await waitUntil(() => logIsWhole(log), "its log is written");
      return Number(readFileSync(join(exits, id), "utf8"));
    },
  };
}

/** Has conmon run a process in a container to its end: `tsrun exec --process`. */
export async function exec(
  id: string,
  processSpec: unknown,
  ...flags: readonly string[]
): Promise<Told & { readonly log: string }> {
  const directory = freshDirectory("exec");
  const [spec, log] = [join(directory, "process.json"), join(directory, "log")];
  writeFileSync(spec, JSON.stringify(processSpec));
  const told = await conmon([
    ...["-c", id, "-n", `k8s_${id}`, "-p", join(directory, "pid"), "-e", "-l", log, "--sync"],
    ...["--exec-process-spec", spec, ...flags],
  ]);
  return { ...told, log: textOf(log) };
}

/**
 * Descriptor 3 is what conmon tells through. It reads a byte of 4 before it calls tsrun: so long CRI-O takes to put it in
 * a cgroup. Both are files here, which outlive it.
 */
async function conmon(words: readonly string[]): Promise<Told> {
  const directory = freshDirectory("conmon");
  const [tells, starts, says] = [join(directory, "told"), join(directory, "start"), join(directory, "said")];
  writeFileSync(starts, "\0");
  const descriptors = [openSync(says, "a"), openSync(tells, "a"), openSync(starts, "r")];
  const argv = [
    ...["-r", runtimePath, "--runtime-arg", `--root=${ROOT}`, "--socket-dir-path", workDirectory],
    ...["--log-level", "info", ...words],
  ];
  const child = spawn("conmon", argv, {
    stdio: ["ignore", "ignore", ...descriptors],
    env: { ...ENVIRONMENT, _OCI_SYNCPIPE: "3", _OCI_STARTPIPE: "4" },
    timeout: SECONDS * 1000 * slowness,
  });
  descriptors.map((one) => closeSync(one));
  const [status] = await once(child, "exit"); // where it has made a container, another process goes on
  const told = () => readFileSync(tells, "utf8");
  if (status !== 0 && told() === "")
    throw new Error(`conmon ended with ${status}: ${readFileSync(says, "utf8")}`);
  await waitUntil(() => told().endsWith("\n"), `conmon tells something: ${argv.join(" ")}`);
  return JSON.parse(told().split("\n")[0] ?? "") as Told; // conmon's own format
}
