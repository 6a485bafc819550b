import { existsSync } from "node:fs";

const SOCKET = "/run/tsrun-serve.sock";
const START_MS = 5000;

/** A tsrun server. */
export interface BenchServer extends Disposable {
  readonly pid: number;
  /** What it has not done, so that tsrun itself has, and was measured in its place. */
  refusals(): readonly string[];
}

/** Starts a tsrun server, in the bench's own /run; null where there is none, as of an older tsrun. */
export async function startServer(tsrun: string): Promise<BenchServer | null> {
  const server = Bun.spawn([tsrun, "serve", "--idle", "1h"], { stdio: ["ignore", "ignore", "ignore"] });
  const deadline = performance.now() + START_MS;
  while (!existsSync(SOCKET) && server.exitCode === null && performance.now() < deadline) await Bun.sleep(10);
  const stop = () => server.kill("SIGTERM");
  if (existsSync(SOCKET))
    return { pid: server.pid, refusals: () => refusalsOf(tsrun), [Symbol.dispose]: stop };
  stop();
  return null;
}

/** Such as --version, which is named after it. */
const NOT_MEASURED = "a command that is not taken";

function refusalsOf(tsrun: string): readonly string[] {
  const { stdout } = Bun.spawnSync([tsrun, "serve", "--status", "--json"]);
  const { refused } = JSON.parse(stdout.toString()) as { refused: Record<string, number> }; // src/serve/statistics.ts
  return Object.entries(refused)
    .filter(([reason]) => !reason.startsWith(NOT_MEASURED))
    .map(([reason, count]) => `warm: ${count} commands were not served (${reason}).`);
}
