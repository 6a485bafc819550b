/** A file system that never answers, as one on a network whose server is gone. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { canCompile, compiled } from "./compile.ts";
import { freshDirectory, isTsrun } from "./environment.ts";
import { command } from "./mount.ts";
import { testIf } from "./skip.ts";

export const testFuse = testIf(
  isTsrun && canCompile && existsSync("/dev/fuse"),
  "needs gcc and /dev/fuse for a file system that never answers",
);

export interface SilentFuse extends AsyncDisposable {
  readonly path: string;
}

/** Mounts one, until it is disposed of. With "root", the attributes of its root are answered. */
export async function silentFuse(...answers: readonly "root"[]): Promise<SilentFuse> {
  const path = freshDirectory("fuse");
  const server: ChildProcess = spawn(compiled("test/harness/silent-fuse.c"), [path, ...answers]);
  if (server.stdout === null) throw new Error("it has no output");
  await once(server.stdout, "data");
  return {
    path,
    async [Symbol.asyncDispose]() {
      const ended = once(server, "exit");
      server.kill();
      await ended;
      command("umount", "--lazy", path);
    },
  };
}
