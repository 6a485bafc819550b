import { readFileSync } from "node:fs";
import { join } from "node:path";
import { project } from "../harness/environment.ts";
import { waitUntil } from "../harness/wait.ts";
import { call } from "./call.ts";

/** What `verify` prints of a container of whichever runtime, and its status. */
export async function verified(pid: number, bundle: string) {
  // runc is done before its init has executed the program.
  const runs = () => !readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("runc:");
  await waitUntil(runs, "the program runs");
  const argv = [join(project, "bin/tsrun"), "verify", "--pid", String(pid), "--bundle", bundle];
  const { stdout, stderr, status } = call(argv);
  return { status, lines: `${stdout}${stderr}`.trim().split("\n") };
}

/** What it prints of one that has all that was asked for. */
export const AS_ASKED = /^\d+ as asked, 0 different$/;
