/**
 * Runs a test file beside a tsrun server: `bun with-server.ts FILE [SOCKET]`, with SOCKET where tsrun finds one by
 * itself. The server is begun before the file, and must have and hold the same after it: what it did is printed.
 */

import { spawn, spawnSync } from "node:child_process";
import { existsSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { plainEnvironment } from "./plain-environment.ts";
import { processes, status } from "./processes.ts";
import { SERVED_MARK, type Served } from "./served.ts";
import { slowness } from "./slowness.ts";

const PATIENCE_MS = 5000 * slowness;

const [file = "", ownPlace] = process.argv.slice(2);
const { TSRUN_TEST_DIR: directory = "", ...plain } = plainEnvironment();
const runtime = resolve(import.meta.dir, "../../bin/tsrun");
const socket = ownPlace ?? join(directory, "serve.sock");
const log = join(directory, "serve.log");

/** What a container must have of its caller and not of the server, which is therefore started with another. */
const UNLIKE = 'cd /; umask 027; ulimit -S -c 1; echo 7 >/proc/self/oom_score_adj; exec "$0" serve --idle 1h';

const server = startServer();
await until(() => hasListed() && answer() !== null, "the server to answer");
const pid = answer()?.pid ?? 0;
const before = { holds: holdings(pid), served: sum(answer()?.served ?? {}) };
const how = await ended(file);
const told = `${SERVED_MARK}${JSON.stringify(await judged())}`;
server.kill("SIGTERM");
console.log(`\n${told}`);
process.exitCode = how;

function startServer() {
  const output = openSync(log, "a");
  return spawn("sh", ["-c", UNLIKE, runtime], {
    ...{ stdio: ["ignore", output, output], env: { PATH: plain["PATH"] ?? "", TSRUN_SERVE: socket } },
  });
}

function ended(path: string): Promise<number> {
  const env = { ...process.env, TSRUN_TEST_SERVED: "1", ...(ownPlace ? {} : { TSRUN_SERVE: socket }) };
  const child = spawn(process.execPath, [path], { stdio: "inherit", env });
  return new Promise((done) => void child.on("exit", (code) => done(code ?? 1)));
}

interface Answer {
  readonly pid: number;
  readonly running: number;
  readonly served: Readonly<Record<string, { readonly count: number }>>;
  readonly refused: Readonly<Record<string, number>>;
}

function answer(): Answer | null {
  const { status: code, stdout } = tsrun("--no-serve", "serve", "--status", "--json");
  return code === 0 ? (JSON.parse(stdout) as Answer) : null; // what the server says of itself
}

/** A first command, which no test counts. */
function hasListed(): boolean {
  return existsSync(socket) && tsrun("--root", directory, "list", "--quiet").status === 0;
}

function tsrun(...args: readonly string[]) {
  const env = { ...plain, TSRUN_SERVE: socket };
  return spawnSync(runtime, args, { encoding: "utf8", env, timeout: PATIENCE_MS });
}

/** What the server came to, when it has had time to come to rest. */
async function judged(): Promise<Served> {
  let left: readonly string[] = [];
  const rests = () => {
    if (server.exitCode !== null) return true;
    left = difference(before.holds, holdings(pid));
    return left.length === 0 && answer()?.running === 0;
  };
  const complaints: string[] = [];
  await until(rests, "the server to rest").catch((error: Error) => void complaints.push(error.message));
  const after = answer();
  if (after === null) complaints.push("the server doesn't answer any more");
  else {
    if (after.running > 0) complaints.push(`the server is at ${after.running} commands still`);
    complaints.push(...left);
  }
  const commands = sum(after?.served ?? {}) - before.served;
  const printed = readFileSync(log, "utf8").trim();
  if (printed !== "") complaints.push(`the server printed: ${printed}`);
  return { commands, refused: after?.refused ?? {}, complaints };
}

function sum(served: Answer["served"]): number {
  return Object.values(served).reduce((total, { count }) => total + count, 0);
}

/** Libraries come when they are needed, and stay. */
function isAFile(path: string): boolean {
  return path.startsWith("/") && !/\.so(\.\d+)*$/.test(path);
}

/** All that a process has by which it could act on another's behalf, or keep something from being freed. */
function holdings(of: number): readonly string[] {
  const proc = `/proc/${of}`;
  const lines = (path: string) => readFileSync(`${proc}/${path}`, "utf8").trim().split("\n");
  const links = (path: string) =>
    readdirSync(`${proc}/${path}`).flatMap((name) => {
      try {
        return [`${path}/${name} -> ${readlinkSync(`${proc}/${path}/${name}`)}`];
      } catch {
        return []; // closed meanwhile
      }
    });
  const mapped = lines("maps").map((line) => line.split(/\s+/).slice(5).join(" "));
  return [
    ...links("fd"),
    ...links("ns"),
    ...new Set(mapped.filter((path) => isAFile(path)).map((path) => `mapping of ${path}`)),
    ...["cgroup", "limits", "oom_score_adj"].flatMap((path) => lines(path).map((line) => `${path}: ${line}`)),
    ...lines("status").filter((line) => /^(Umask|Uid|Gid|Groups|Sig(Ign|Cgt)|Cap|NoNewPrivs)/.test(line)),
    `cwd -> ${readlinkSync(`${proc}/cwd`)}`,
    ...processes().flatMap((one) => (parentOf(one) === of ? [`child ${one}`] : [])),
  ];
}

function parentOf(one: number): number {
  try {
    return Number(status(one).get("PPid"));
  } catch {
    return 0; // it has ended
  }
}

function difference(one: readonly string[], other: readonly string[]): string[] {
  return [
    ...one.filter((line) => !other.includes(line)).map((line) => `the server no longer has: ${line}`),
    ...other.filter((line) => !one.includes(line)).map((line) => `the server still has: ${line}`),
  ];
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited ${PATIENCE_MS} ms for ${what}`);
    await Bun.sleep(20);
  }
}
