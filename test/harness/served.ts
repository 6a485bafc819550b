/** What a server did while a test file ran: tsrun's commands are called cold by one run of a file, warm by another. */
import { basename } from "node:path";

/** Test files in whose commands a server has no part, by the reason: they run cold alone. */
const COLD_ALONE: Readonly<Record<string, readonly string[]>> = {
  "calls what no server takes": [
    "check",
    "check-bundle",
    "ctr-patience",
    "dry-run",
    "failing-mounts",
    "failing-steps",
    "explain",
    "hostile-console",
    "kernel-features",
    "killed-callers",
    "seccomp-answers",
    "seccomp-diff",
    "seccomp-lint",
    "site",
    "trace-pictures",
    "unpack-*",
  ],
  "calls come from other users or namespaces": ["lacking-privileges", "nested", "rootless"],
  "has servers of its own": ["serve-*"],
  "is about other programs than bin/tsrun": [
    ...["failing-acts", "failing-create", "failing-hooks", "interrupted-tests"],
    ...["library", "library-criu", "library-many", "library-waits"],
  ],
};

/** What has tsrun do a command itself, in a test of how it does that. */
export const COLD = { TSRUN_SERVE: "off" } as const;

/** Why a test file has no warm run; null when it has. */
export function coldAlone(file: string): string | null {
  const name = basename(file, ".test.ts");
  return Object.keys(COLD_ALONE).find((reason) => COLD_ALONE[reason]?.some((one) => fits(name, one))) ?? null;
}

/** A pattern may end with a star. */
const fits = (name: string, pattern: string) =>
  pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern;

export interface Served {
  readonly commands: number;
  /** How many were not served, by the reason. */
  readonly refused: Readonly<Record<string, number>>;
  /** What is wrong with the server after the file; none of its tests tells that. */
  readonly complaints: readonly string[];
}

/** What starts a line that tells test/run.ts of a file's server; JSON follows it. */
export const SERVED_MARK = "#served ";

/** Null in the output of a cold run. */
export function servedIn(output: string): Served | null {
  const line = output.split("\n").findLast((one) => one.startsWith(SERVED_MARK));
  return line === undefined ? null : (JSON.parse(line.slice(SERVED_MARK.length)) as Served); // of with-server.ts
}
