import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { freshDirectory } from "../harness/environment.ts";
import { plainEnvironment } from "../harness/plain-environment.ts";
import { slowness } from "../harness/slowness.ts";

/** A daemon of the test file's machine. */
export interface Daemon {
  /** What it has logged. */
  log(): string;
  /** Ends it and waits until it has ended, at most `STOP_SECONDS` for SIGTERM to do it. */
  stop(): Promise<void>;
  /** Ends it and starts it again. */
  restart(): Promise<void>;
}

const START_SECONDS = 30 * slowness;
const STOP_SECONDS = 15;

/** Where a daemon listens: the path of a socket, or a TCP port of 127.0.0.1. */
type Address = string | number;

/**
 * Starts a daemon and waits until it listens there; its first caller may still have to wait a little. Its environment is
 * that of the tests and `env`.
 * @throws Error with its log when it ends or takes too long
 */
export async function startDaemon(
  argv: readonly string[],
  address: Address,
  env: NodeJS.ProcessEnv = {},
): Promise<Daemon> {
  const path = join(freshDirectory("daemon"), "log");
  const log = () => readFileSync(path, "utf8");
  const start = async () => {
    const child = spawned(argv, env, path);
    try {
      await untilListening(address, child);
    } catch (error) {
      await stop(child);
      throw new Error(`${argv[0]} did not start: ${error}\n${log()}`);
    }
    return child;
  };
  let child = await start();
  return {
    log,
    stop: () => stop(child),
    async restart() {
      await stop(child);
      child = await start();
    },
  };
}

function spawned(
  [file = "", ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
  path: string,
): ChildProcess {
  const log = openSync(path, "a");
  const child = spawn(file, args, { stdio: ["ignore", log, log], env: { ...plainEnvironment(), ...env } });
  closeSync(log);
  child.unref(); // when the tests end without ending it, the end of the machine does
  return child;
}

async function untilListening(address: Address, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_SECONDS * 1000;
  while (!(await isListenedOn(address))) {
    if (hasEnded(child)) throw new Error(`it ended with ${child.exitCode ?? child.signalCode}`);
    if (performance.now() > deadline) throw new Error(`it was not ready within ${START_SECONDS} s`);
    await Bun.sleep(50);
  }
}

function isListenedOn(address: Address): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = typeof address === "string" ? connect(address) : connect(address, "127.0.0.1");
    connection.on("error", () => resolve(false));
    connection.on("connect", () => {
      connection.destroy();
      resolve(true);
    });
  });
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill("SIGTERM");
  const deadline = performance.now() + STOP_SECONDS * 1000;
  while (!hasEnded(child)) {
    if (performance.now() > deadline) child.kill("SIGKILL");
    await Bun.sleep(20);
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null;
