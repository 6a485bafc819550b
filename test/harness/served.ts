/** What a server did while a test file ran: tsrun's commands are called cold by one run of a file, warm by another. */
import { subjectOf } from "./subject.ts";

/** Test files in whose commands a server has no part, by the reason: they run cold alone. */
const COLD_ALONE: Readonly<Record<string, readonly string[]>> = {
  "calls what no server takes": [
    "check",
    "check/bundle",
    "check-bundle",
    "command-line/dry-run",
    "command-line/explain",
    "ctr-patience",
    "failing/mounts",
    "failing/steps",
    "hostile/console",
    "kernel-features",
    "lifecycle/killed-callers",
    "seccomp/answers",
    "seccomp/diff",
    "seccomp/lint",
    "site",
    "trace/pictures",
    "unpack/*",
  ],
  "calls come from other users or namespaces": ["lacking-privileges", "nested", "rootless"],
  "has servers of its own": ["serve/*", "systemd/serve-*"],
  "is about other programs than bin/tsrun": [
    ...["failing/acts", "failing/create", "failing/hooks", "interrupted-tests"],
    ...["library", "library/*"],
  ],
};

/** What has tsrun do a command itself, in a test of how it does that. */
export const COLD = { TSRUN_SERVE: "off" } as const;

/** Why a test file has no warm run; null when it has. */
export function coldAlone(file: string): string | null {
  const subject = subjectOf(file);
  return (
    Object.keys(COLD_ALONE).find((reason) => COLD_ALONE[reason]?.some((one) => fits(subject, one))) ?? null
  );
}

/** A pattern may end with a star. */
const fits = (subject: string, pattern: string) =>
  pattern.endsWith("*") ? subject.startsWith(pattern.slice(0, -1)) : subject === pattern;

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
