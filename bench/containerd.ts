import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Course } from "./course.ts";
import type { Place } from "./isolate.ts";
import type { Turn } from "./rounds.ts";
import { NO_SERVE, type Runtime, type RuntimeName } from "./runtimes.ts";
import { CommandFailed } from "./stopwatch.ts";

const START_MS = 20_000;

/** A containerd of the bench's own. */
interface Containerd extends Disposable {
  /** `ctr`, connected to it. */
  readonly ctr: readonly string[];
}

/** Starts containerd in the bench's namespaces, with its files in the bench's place; null when it isn't installed. */
export async function startContainerd(
  { state, token }: Place,
  env: Readonly<Record<string, string>>,
): Promise<Containerd | null> {
  const [daemon, ctr] = [Bun.which("containerd"), Bun.which("ctr")];
  if (daemon === null || ctr === null) return null;
  const directory = join(state, `containerd-${Object.keys(env).length}`);
  mkdirSync(directory);
  const socket = join(directory, "socket");
  const config = join(directory, "config.toml");
  writeFileSync(
    config,
    [
      "version = 2",
      `root = "${directory}/root"`,
      `state = "${directory}/state"`,
      'disabled_plugins = ["io.containerd.grpc.v1.cri"]',
      `[grpc]\naddress = "${socket}"`,
    ].join("\n"),
  );
  const child = Bun.spawn([daemon, "--config", config, "--log-level", "error"], {
    stdio: ["ignore", "ignore", "ignore"],
    env: { ...process.env, ...env },
  });
  const stop = () => child.kill("SIGTERM");
  const deadline = performance.now() + START_MS;
  while (!existsSync(socket)) {
    if (child.exitCode !== null || performance.now() > deadline) {
      stop();
      throw new Error(`containerd did not start: run ${daemon} --config ${config} to see why`);
    }
    await Bun.sleep(20);
  }
  // Its namespaces are the parents of the containers' cgroups.
  return { ctr: [ctr, "--address", socket, "--namespace", `bench-${token}`], [Symbol.dispose]: stop };
}

/** The life of a container, as `ctr` has it: create, start, kill, delete. */
export function containerdTurns(
  course: Course,
  { ctr }: Containerd,
  names: readonly RuntimeName[],
): readonly Turn[] {
  const { stopwatch, rootfs, place } = course;
  const pidFile = join(place.state, "ctr-pid");
  return course.runtimes
    .filter(({ name }) => names.includes(name))
    .map((runtime) => {
      const flags = [
        ...["--runc-binary", programOf(runtime, place), "--runc-root", join(place.state, runtime.name)],
        ...["--detach", "--null-io", "--pid-file", pidFile],
        // 0 is unset: runc and crun need a controller for the default that ctr asks for.
        ...["--cpu-shares", "0"],
      ];
      return {
        contender: runtime.name,
        async take(id) {
          const run = [...ctr, "run", ...flags, "--rootfs", rootfs, id, "/bin/sleep", "1000"];
          const started = await stopwatch.time(run);
          const killed = await stopwatch.time([...ctr, "tasks", "kill", "--signal", "SIGKILL", id]);
          await reaped(Number(readFileSync(pidFile, "utf8")));
          const deleted = await stopwatch.time([...ctr, "tasks", "delete", id]);
          await stopwatch.time([...ctr, "containers", "delete", id]);
          const value = started.milliseconds + killed.milliseconds + deleted.milliseconds;
          return [{ measure: "containerd", value }];
        },
      };
    });
}

const REAP_MS = 10_000;
/** What the shim and containerd take to tell each other. */
const NEWS_MS = 20;

/** Waits until the shim has noticed the end of a container. */
async function reaped(pid: number): Promise<void> {
  const deadline = performance.now() + REAP_MS;
  while (existsSync(`/proc/${pid}`)) {
    if (performance.now() > deadline) throw new CommandFailed(`the shim left process ${pid} a zombie`);
    await Bun.sleep(1);
  }
  await Bun.sleep(NEWS_MS);
}

/** containerd takes no flags of a runtime's: one that needs some here is called by a script. */
function programOf({ name, command }: Runtime, { state }: Place): string {
  const [program = "", , , ...given] = command; // after the path: --root and its value
  const flags = given.filter((flag) => flag !== NO_SERVE); // its environment says that
  if (flags.length === 0) return program;
  const script = join(state, `${name}.sh`);
  writeFileSync(script, `#!/bin/sh\nexec ${program} ${flags.join(" ")} "$@"\n`, { mode: 0o755 });
  return script;
}
