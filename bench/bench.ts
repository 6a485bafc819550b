/**
 * Measures tsrun beside runc, crun and the floor: `make bench`, or `bun bench/bench.ts --help`.
 *
 * It runs twice: outside it makes namespaces, runs itself in them and clears up; inside it measures.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
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
import type { Course } from "./course.ts";
import { hurries, isolate, type Place, placeOfThisProcess } from "./isolate.ts";
import { libraryTurn } from "./library.ts";
import { CROWD, crowdTurns, memoryTurns, PROBES, probeTurns, SERVED } from "./load.ts";
import { type Binaries, type Options, readOptions } from "./options.ts";
import { copied, mayDropCaches, readAnew } from "./page-cache.ts";
import { picture } from "./picture.ts";
import { json, markdown, NAMES } from "./report.ts";
import { giveRounds, type Turn } from "./rounds.ts";
import { type Field, findRuntimes } from "./runtimes.ts";
import { Samples } from "./samples.ts";
import { type BenchServer, startServer } from "./server.ts";
import { Stopwatch } from "./stopwatch.ts";
import { judge } from "./targets.ts";
import {
  bundleTurns,
  coldTurns,
  containerdLifeTurns,
  endTurns,
  execTurns,
  lifeTurns,
  lightTurns,
  runTurns,
  seccompTurns,
} from "./turns.ts";
import { WARMED, warmUp } from "./warm-up.ts";

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
  process.exit(await isolate(argv, options.realtime));
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
  const binaries = copies(where, asked.binaries);
  readAnew([...Object.values(PROGRAMS), binaries.crun, binaries.runc]);
  using server = await startServer(binaries.tsrun);
  const field = await findRuntimes(stopwatch, where, rootfs, {
    ...binaries,
    ...(server === null ? {} : { warm: binaries.tsrun }),
  });
  const bundles = makeBundles(where, rootfs);
  const course: Course = {
    ...{ stopwatch, place: where, rootfs, bundles },
    ...{ programs: PROGRAMS, runtimes: field.runtimes },
  };
  const samples = new Samples();
  const failures = await measureAll(course, samples, asked, server);
  const findings = {
    circumstances: [...circumstances(field, asked), `Load average: ${before} before, ${load()} after.`],
    notes: [...[...field.notes].map(([name, note]) => `${name}: ${note}.`), ...failures],
    samples,
    verdicts: judge(samples),
  };
  if (asked.picture !== null) writeFileSync(asked.picture, picture(findings));
  console.log(asked.json ? json(findings) : markdown(findings));
}

function copies({ directory }: Place, { tsrun, old, ...peers }: Binaries): Binaries {
  const copy = (path: string, name: string) => copied(path, join(directory, name));
  return { ...peers, tsrun: copy(tsrun, "tsrun"), ...(old === undefined ? {} : { old: copy(old, "old") }) };
}

function makeBundles({ directory }: Place, rootfs: string): Course["bundles"] {
  const [end, sleep] = [["/bin/true"], ["/bin/sleep", "1000"]];
  return {
    true: makeBundle(directory, "true", rootfs, end),
    sleep: makeBundle(directory, "sleep", rootfs, sleep),
    containerd: makeContainerdBundle(directory, "containerd", rootfs, end),
    containerdSleep: makeContainerdBundle(directory, "containerd-sleep", rootfs, sleep),
    userNamespace: makeUserNamespaceBundle(directory, rootfs, end),
    many: makeManyBundle(directory, rootfs, end),
  };
}

/** Gives turns that measure `what`. */
type Give = (what: string, turns: readonly Turn[], how: { rounds: number; warm?: boolean }) => Promise<void>;

/** Returns what failed, and what was left out and why. */
async function measureAll(
  withOld: Course,
  samples: Samples,
  asked: Options,
  server: BenchServer | null,
): Promise<readonly string[]> {
  const { token } = withOld.place;
  const notes: string[] = [];
  const give: Give = async (what, turns, how) => {
    console.error(`bench: ${what}, ${how.rounds} rounds`);
    for (const [{ contender }, why] of await giveRounds(samples, turns, { ...how, token }))
      notes.push(`${contender} failed at ${what}: ${why}`);
  };
  const course = { ...withOld, runtimes: withOld.runtimes.filter(({ name }) => name !== "old") };
  if (server === null) notes.push("tsrun serve did not start: nothing was measured with it.");
  else await warmUp(course);
  await measureCommands(withOld, course, asked, give);
  await measureLoad(course, asked, server, give);
  using served = await startContainerd(course.place, {});
  using alone = await startContainerd(course.place, { TSRUN_SERVE: "off" });
  if (served === null || alone === null)
    notes.push("containerd is not installed: nothing was measured through it.");
  else {
    const turns = [
      ...containerdTurns(course, served, ["warm", "crun", "runc"]),
      ...containerdTurns(course, alone, ["tsrun"]),
    ];
    await give("containerd", turns, asked);
  }
  if (asked.coldRounds === 0) notes.push("Cold caches were not asked for.");
  else if (!mayDropCaches())
    notes.push("Cold caches were not measured: /proc/sys/vm/drop_caches can't be written.");
  else await give("cold caches", coldTurns(course), { rounds: asked.coldRounds, warm: true });
  return [...notes, ...(server?.refusals() ?? [])];
}

async function measureCommands(withOld: Course, course: Course, asked: Options, give: Give): Promise<void> {
  await give("run", runTurns(withOld), asked);
  await give("run with a seccomp profile", seccompTurns(course), asked);
  await give("run in a user namespace", bundleTurns(course, "userNamespace"), asked);
  await give("run with many mounts", bundleTurns(course, "many"), { rounds: Math.ceil(asked.rounds / 5) });
  await give("step by step", [...lifeTurns(withOld), libraryTurn(course)], asked);
  await give("step by step with a seccomp profile", containerdLifeTurns(course), asked);
  await give("commands that only look", await lightTurns(withOld), asked);
  await endTurns(withOld, "light");
  await give("exec", await execTurns(withOld), asked);
  await endTurns(withOld, "exec");
}

async function measureLoad(
  course: Course,
  asked: Options,
  server: BenchServer | null,
  give: Give,
): Promise<void> {
  const rounds = Math.ceil(asked.rounds / 3);
  await give(`${PROBES} probes`, await probeTurns(course, server), { rounds });
  await endTurns(course, "probes");
  await give(`${CROWD} containers at once`, crowdTurns(course), { rounds });
  await give(`memory after ${SERVED} containers`, memoryTurns(course, server), { rounds: 1, warm: true });
}

function circumstances({ runtimes }: Field, asked: Options): readonly string[] {
  const kernel = readFileSync("/proc/sys/kernel/osrelease", "utf8").trim();
  const controllers = readFileSync("/sys/fs/cgroup/cgroup.controllers", "utf8").trim() || "none";
  return [
    `Linux ${kernel} on ${process.arch}, ${availableParallelism()} CPUs; controllers of cgroup v2: ${controllers}.`,
    ...runtimes.map(({ name, version }) => `${name}: ${version}.`),
    `${asked.rounds} rounds, ${asked.coldRounds} with cold caches; each times every contender once, in random order.`,
    `"${NAMES.warm}" needs \`tsrun serve\`: it was there, and had done ${WARMED} commands of each kind before.`,
    "All programs are in the page cache, read from end to end, but for the cold rounds.",
    ...policy(asked),
  ];
}

function policy({ realtime }: Options): readonly string[] {
  if (!realtime) return [];
  return [
    hurries()
      ? "All of it, containers too, ran with SCHED_RR (--realtime): before any other work of the machine."
      : "SCHED_RR (--realtime) is not permitted here: it ran without.",
  ];
}

function load(): string {
  return readFileSync("/proc/loadavg", "utf8").split(" ", 1)[0] ?? "";
}
