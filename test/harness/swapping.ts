import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { status } from "./processes.ts";
import { spinUntil } from "./wait.ts";

/** Another process that exchanges two names all the time, until it is disposed of. */
interface Swapping extends AsyncDisposable {
  /** Returns when it rests. */
  pause(): void;
  resume(): void;
}

/** Lets another process exchange two names of one directory, from now on. */
export async function swapping(directory: string, a: string, b: string): Promise<Swapping> {
  const script = join(import.meta.dir, "swap.ts");
  const child = spawn(process.execPath, [script, join(directory, a), join(directory, b)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  const { pid = 0 } = child;
  return {
    pause() {
      child.kill("SIGSTOP");
      spinUntil(() => status(pid).get("State")?.startsWith("T") ?? false);
    },
    resume: () => void child.kill("SIGCONT"),
    async [Symbol.asyncDispose]() {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}
