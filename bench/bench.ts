/**
 * Measures tsrun beside runc, crun and the floor: `make bench`, or `bun bench/bench.ts --help`.
 *
 * It runs twice: outside it makes namespaces, runs itself in them and clears up; inside it measures.
 */
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { busyboxPath } from "../rootfs/busybox-binary.ts";
import {
  makeBundle,
  makeContainerdBundle,
  makeManyBundle,
  makeRootfs,
  makeUserNamespaceBundle,
} from "./bundle.ts";
import { containerdTurns, startContainerd } from "./containerd.ts";
import { isolate, type Place, placeOfThisProcess } from "./isolate.ts";
import { libraryTurn } from "./library.ts";
import { type Options, readOptions } from "./options.ts";
import { mayDropCaches, readAnew } from "./page-cache.ts";
import { json, markdown } from "./report.ts";
import { giveRounds, type Turn } from "./rounds.ts";
import { type Field, findRuntimes } from "./runtimes.ts";
import { Samples } from "./samples.ts";
import { startServer } from "./server.ts";
import { Stopwatch } from "./stopwatch.ts";
import { judge } from "./targets.ts";
import {
  bundleTurns,
  type Course,
  coldTurns,
  endTurns,
  execTurns,
  lifeTurns,
  lightTurns,
  runTurns,
  seccompTurns,
} from "./turns.ts";

const BUILT = resolve(import.meta.dir, "../build/bench");
const PROGRAMS = {
  stopwatch: join(BUILT, "stopwatch"),
  empty: join(BUILT, "empty"),
  floor: join(BUILT, "floor"),
};

const argv = process.argv.slice(2);
const options = readOptions(argv);
const place = placeOfThisProcess();
if (place === null) {
  refuseUnlessPossible();
  process.exit(await isolate(argv));
}
await measure(options, place);
process.exit(0);

function refuseUnlessPossible(): void {
  if (process.getuid?.() !== 0) refuse("containers of the default config need root");
  for (const program of Object.values(PROGRAMS))
    if (!existsSync(program)) refuse(`there is no ${program}: make bench builds it`);
  if (!existsSync(busyboxPath())) refuse("there is no static busybox: make need-busybox fetches one");
}

function refuse(why: string): never {
  console.error(`bench: ${why}`);
  process.exit(1);
}

async function measure(asked: Options, where: Place): Promise<void> {
  const before = load();
  using stopwatch = new Stopwatch(PROGRAMS.stopwatch, where.state);
  const rootfs = makeRootfs(where.directory);
  using _ = await startServer(asked.binaries.warm);
  const field = await findRuntimes(stopwatch, where, rootfs, asked.binaries);
  const course: Course = {
    stopwatch,
    place: where,
    rootfs,
    bundles: {
      true: makeBundle(where.directory, "true", rootfs, ["/bin/true"]),
      sleep: makeBundle(where.directory, "sleep", rootfs, ["/bin/sleep", "1000"]),
      containerd: makeContainerdBundle(where.directory, rootfs, ["/bin/true"]),
      userNamespace: makeUserNamespaceBundle(where.directory, rootfs, ["/bin/true"]),
      many: makeManyBundle(where.directory, rootfs, ["/bin/true"]),
    },
    programs: PROGRAMS,
    runtimes: field.runtimes,
  };
  const programs = [...Object.values(PROGRAMS), ...field.runtimes.map(({ command }) => command[0] ?? "")];
  readAnew(programs);
  const samples = new Samples();
  const failures = await measureAll(course, samples, asked);
  if (asked.coldRounds > 0) readAnew(programs);
  const findings = {
    circumstances: [...circumstances(field, asked), `Load average: ${before} before, ${load()} after.`],
    notes: [...[...field.notes].map(([name, note]) => `${name}: ${note}.`), ...failures],
    samples,
    verdicts: judge(samples),
  };
  console.log(asked.json ? json(findings) : markdown(findings));
}

/** Returns what failed, and what was left out and why. */
async function measureAll(course: Course, samples: Samples, asked: Options): Promise<readonly string[]> {
  const { token } = course.place;
  const notes: string[] = [];
  const give = async (what: string, turns: readonly Turn[], how: { rounds: number; warm?: boolean }) => {
    console.error(`bench: ${what}, ${how.rounds} rounds`);
    for (const [{ contender }, why] of await giveRounds(samples, turns, { ...how, token }))
      notes.push(`${contender} failed at ${what}: ${why}`);
  };
  await give("run", runTurns(course), asked);
  await give("run with a seccomp profile", seccompTurns(course), asked);
  await give("run in a user namespace", bundleTurns(course, "userNamespace"), asked);
  await give("run with many mounts", bundleTurns(course, "many"), { rounds: Math.ceil(asked.rounds / 5) });
  await give("step by step", [...lifeTurns(course), libraryTurn(course)], asked);
  await give("commands that only look", await lightTurns(course), asked);
  await endTurns(course, "light");
  await give("exec", await execTurns(course), asked);
  await endTurns(course, "exec");
  using served = await startContainerd(course.place, {});
  using alone = await startContainerd(course.place, { TSRUN_SERVE: "off" });
  if (served === null || alone === null)
    notes.push("containerd is not installed: nothing was measured through it.");
  else {
    const turns = [
      ...containerdTurns(course, served, ["warm"]),
      ...containerdTurns(course, alone, ["tsrun", "crun", "runc"]),
    ];
    await give("containerd", turns, asked);
  }
  if (asked.coldRounds === 0) notes.push("Cold caches were not asked for.");
  else if (!mayDropCaches())
    notes.push("Cold caches were not measured: /proc/sys/vm/drop_caches can't be written.");
  else await give("cold caches", coldTurns(course), { rounds: asked.coldRounds, warm: true });
  return notes;
}

function circumstances({ runtimes }: Field, asked: Options): readonly string[] {
  const kernel = readFileSync("/proc/sys/kernel/osrelease", "utf8").trim();
  const controllers = readFileSync("/sys/fs/cgroup/cgroup.controllers", "utf8").trim() || "none";
  return [
    `Linux ${kernel} on ${process.arch}, ${availableParallelism()} CPUs; controllers of cgroup v2: ${controllers}.`,
    ...runtimes.map(({ name, version }) => `${name}: ${version}.`),
    `${asked.rounds} rounds, ${asked.coldRounds} with cold caches; each times every contender once, in random order.`,
    "All programs are in the page cache, read from end to end, but for the cold rounds.",
  ];
}

function load(): string {
  return readFileSync("/proc/loadavg", "utf8").split(" ", 1)[0] ?? "";
}
