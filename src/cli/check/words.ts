/** What the table and the page of `tsrun check` both say. */
import type { Host, Obstacle, Row } from "../../check/check.ts";
import type { Reasons } from "../../serve/ask.ts";

const STATES = ["works", "missing", "forbidden", "skipped"] as const;

/** `120 work, 3 missing, 1 forbidden, 1 skipped`. */
export function counts(rows: readonly Row[]): string {
  const counted = STATES.map(
    (state) => [rows.filter(({ verdict }) => verdict.state === state).length, state] as const,
  );
  return counted
    .filter(([count, state]) => count > 0 || state === "works")
    .map(([count, state]) => `${count} ${state === "works" ? "work" : state}`)
    .join(", ");
}

/** Whether it counts against the machine. */
export const isTrouble = ({ verdict: { state } }: Row): boolean =>
  state === "missing" || state === "forbidden";

export function machine({ kernel, architecture, uid }: Host): string {
  return `Linux ${kernel} on ${architecture}, as ${uid === 0 ? "root" : `user ${uid}`}`;
}

/** Whether a tsrun server would do this user's commands. */
export function service({ pid, process }: Reasons): string {
  return process === null
    ? `Commands are served by tsrun serve, pid ${pid}.`
    : `Commands are not served: ${process}.`;
}

export function hostConclusion(lacking: readonly string[]): string {
  return lacking.length === 0
    ? "Containers can run here."
    : `Containers cannot run here: every ordinary one needs ${lacking.join(", ")}.`;
}

export function bundleConclusion(obstacles: readonly Obstacle[]): string {
  return obstacles.length === 0 ? "This host can honour the bundle." : "This host cannot honour the bundle.";
}
