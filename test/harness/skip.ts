import { test } from "uvu";

/** What starts a line that tells test/run.ts of a test that was skipped; JSON follows it. */
export const SKIP_MARK = "#skipped ";

/** A test that could not run on this machine or with this runtime, and what it needs. */
export interface Skipped {
  readonly name: string;
  readonly reason: string;
}

type Body = () => Promise<void> | void;

/**
 * `test` when `condition` holds; else a test of that name is reported as skipped with `reason`, which says
 * what is missing: `testIf(controllers.has("memory"), "needs cgroup controller memory")("a limit …", () => …)`.
 * uvu's own `test.skip` carries no reason, and test/run.ts counts it as a failure.
 */
export function testIf(condition: boolean, reason: string): (name: string, body: Body) => void {
  if (condition) return (name, body) => test(name, body);
  return (name) => {
    const skipped: Skipped = { name, reason };
    process.stdout.write(`\n${SKIP_MARK}${JSON.stringify(skipped)}\n`);
  };
}

/** A list of skips out of what a test file printed. */
export function skipsIn(output: string): Skipped[] {
  return output
    .split("\n")
    .filter((line) => line.startsWith(SKIP_MARK))
    .map((line) => JSON.parse(line.slice(SKIP_MARK.length)) as Skipped); // written by testIf above
}
