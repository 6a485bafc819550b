/**
 * Has a tsrun server do 10,000 commands, 8 at a time, with failures and killed callers among them: `bun test/soak.ts
 * [COMMANDS]`. Prints what it holds every now and then, and fails unless that stays as it is.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NAMESPACES } from "./harness/run-file.ts";

const COMMANDS = Number(process.argv[2] ?? 10_000);
const AT_ONCE = 8;
const SAMPLES = 10;

/** What a server holds. */
interface Sample {
  readonly commands: number;
  readonly megabytes: number;
  readonly descriptors: number;
  readonly mappings: number;
  readonly threads: number;
}

if (process.env["TSRUN_TEST_DIR"] === undefined) isolate();
else process.exitCode = await soak();

/** Runs this file again where a mount and a process of its own go with it. */
function isolate(): void {
  const directory = mkdtempSync(join(tmpdir(), "tsrun-test-"));
  const [file = "", ...argv] = [...NAMESPACES.command, process.execPath, import.meta.path, String(COMMANDS)];
  const env = { ...process.env, TSRUN_TEST_DIR: directory };
  process.exitCode = spawnSync(file, argv, { stdio: "inherit", env }).status ?? 1;
  rmdirSync(directory);
}

async function soak(): Promise<number> {
  const { serving } = await import("./integration/serve/serving.ts");
  await using server = await serving();
  const samples: Sample[] = [];
  let done = 0;
  const next = () => {
    if (done % (COMMANDS / SAMPLES) === 0) samples.push(tell(sampleOf(server.pid, done)));
    done += 1;
    return done <= COMMANDS;
  };
  await Promise.all(
    Array.from({ length: AT_ONCE }, async (_, worker) => await work(server.call, worker, next)),
  );
  await Bun.sleep(1000);
  samples.push(tell(sampleOf(server.pid, COMMANDS)));
  const { served, refused } = server.status();
  console.log(
    Object.entries(served)
      .map(([name, { count }]) => `${name} ${count}`)
      .join(", "),
  );
  console.log("not served:", refused, server.printed());
  return isFlat(samples) && server.printed() === "" ? 0 : 1;
}

/** One container after another, until `next` says that it was enough. */
async function work(call: Call, worker: number, next: () => boolean): Promise<void> {
  const { bundle } = await import("./harness/bundle.ts");
  const { uniqueId } = await import("./harness/environment.ts");
  const good = bundle({ args: ["sleep", "60"] }).path;
  const bad = bundle({ args: ["sleep", "60"], linux: { sysctl: { "kernel.nothing": "1" } } }).path;
  for (let round = 0; ; round++) {
    const id = `${uniqueId()}-${worker}`;
    for (const [words, expected] of life(id, good, bad)) {
      if (!next()) return await ended(["delete", "--force", id], call, 0);
      if (round % 10 === 9 && words[0] !== "delete") await killed(words, call, 1 + ((round * 7) % 20));
      else await ended(words, call, round % 10 === 9 ? null : expected);
    }
  }
}

/** The commands of a container's life, and what they exit with. */
function life(id: string, good: string, bad: string): readonly (readonly [readonly string[], number])[] {
  return [
    [["create", "--bundle", bad, `${id}-bad`], 1],
    [["create", "--bundle", good, id], 0],
    [["create", "--bundle", good, id], 1],
    [["start", id], 0],
    [["exec", id, "true"], 0],
    [["exec", id, "sh", "-c", "exit 7"], 7],
    [["exec", id, "nothing-such"], 255],
    [["exec", "--detach", id, "true"], 0],
    [["state", id], 0],
    [["list"], 0],
    [["start", id], 1],
    [["kill", id, "URG"], 0],
    [["delete", id], 1],
    [["kill", id, "KILL"], 0],
    [["state", `${id}-none`], 1],
    [["delete", "--force", id], 0],
  ];
}

async function ended(words: readonly string[], call: Call, expected: number | null): Promise<void> {
  const { startRuntime } = await import("./harness/runtime.ts");
  await using one = startRuntime(words, call);
  const { status, stderr } = await one.ended();
  if (expected !== null && status !== expected) throw new Error(`${words.join(" ")}: ${status}, ${stderr}`);
}

/** The same, with the caller killed after so many milliseconds. */
async function killed(words: readonly string[], call: Call, after: number): Promise<void> {
  const { startRuntime } = await import("./harness/runtime.ts");
  await using one = startRuntime(words, call);
  await Bun.sleep(after);
  one.child.kill("SIGKILL");
  await one.ended();
}

function sampleOf(pid: number, commands: number): Sample {
  const count = (name: string) => readdirSync(`/proc/${pid}/${name}`).length;
  const rss = /^RssAnon:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return {
    commands,
    megabytes: Math.round(Number(rss) / 1024),
    descriptors: count("fd"),
    mappings: readFileSync(`/proc/${pid}/maps`, "utf8").split("\n").length - 1,
    threads: count("task"),
  };
}

function tell(sample: Sample): Sample {
  const { commands, megabytes, descriptors, mappings, threads } = sample;
  console.log(
    `${String(commands).padStart(6)} commands: ${megabytes} MB, ${descriptors} descriptors, ${mappings} mappings, ${threads} threads`,
  );
  return sample;
}

/** Whether what is held at the end is no more than what was held early, but for what comes and goes. */
function isFlat(samples: readonly Sample[]): boolean {
  const [first, , early] = samples;
  const last = samples.at(-1);
  if (first === undefined || early === undefined || last === undefined) return false;
  return (
    last.megabytes <= early.megabytes * 1.25 + 10 &&
    last.descriptors <= first.descriptors + 2 &&
    last.mappings <= early.mappings * 1.1 + 20
  );
}

type Call = import("./harness/runtime.ts").Call;
