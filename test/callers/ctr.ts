/** `ctr`, containerd's own client, and the containers that it makes with tsrun. */
import { runtimePath } from "../harness/environment.ts";
import { programAtTerminal } from "../harness/terminal.ts";
import { call, printed, type Said } from "./call.ts";
import { BUSYBOX } from "./images.ts";

export function ctr(...words: string[]): Said {
  return call(["ctr", ...words]);
}

/** What makes `ctr run` call tsrun. */
export const WITH_TSRUN = ["--runc-binary", runtimePath, "--runc-root", "/run/tsrun"] as const;

let made = 0;
/** An id that no other container of this machine has. */
export const nextId = () => `box${++made}`;

/** `ctr run --rm` of a shell script, to its end. */
export function ran(script: string, ...flags: string[]): Said {
  return ctr("run", "--rm", ...WITH_TSRUN, ...flags, BUSYBOX, nextId(), "sh", "-c", script);
}

/** A task in the background; gone, with its container, when the test is done. */
export function detached(args: readonly string[], ...flags: string[]): Disposable & { readonly id: string } {
  const id = nextId();
  printed(ctr("run", "--detach", ...WITH_TSRUN, ...flags, BUSYBOX, id, ...args));
  return {
    id,
    [Symbol.dispose]() {
      ctr("tasks", "delete", "--force", id); // has failed already where the test itself deletes
      printed(ctr("containers", "delete", id));
    },
  };
}

/** What `ctr` at a terminal printed there, and its exit status. */
export async function atTerminal(...words: string[]): Promise<{ status: number; printed: string }> {
  await using terminal = programAtTerminal(["ctr", ...words], { cwd: "/", env: process.env });
  const status = await terminal.ended();
  return { status, printed: terminal.printed().replaceAll(/\r+\n/g, "\n") }; // each terminal on the way adds one
}

/** What `ctr tasks list` says of one. */
export function taskLine(id: string): string {
  const lines = printed(ctr("tasks", "list")).split("\n");
  return lines.find((line) => line.startsWith(`${id} `)) ?? "";
}

/** The pid of a task's init. */
export function pidOf(id: string): number {
  const pid = taskLine(id).split(/\s+/)[1];
  if (pid === undefined) throw new Error(`ctr lists no task ${id}`);
  return Number(pid);
}
