import { existsSync } from "node:fs";

const SOCKET = "/run/tsrun-serve.sock";
const START_MS = 5000;

/** Starts a tsrun that serves, in the bench's own /run; without one, as of an older tsrun, nothing is served. */
export async function startServer(tsrun: string): Promise<Disposable> {
  const server = Bun.spawn([tsrun, "serve", "--idle", "1h"], { stdio: ["ignore", "ignore", "ignore"] });
  const deadline = performance.now() + START_MS;
  while (!existsSync(SOCKET) && server.exitCode === null && performance.now() < deadline) await Bun.sleep(10);
  return { [Symbol.dispose]: () => server.kill("SIGTERM") };
}
