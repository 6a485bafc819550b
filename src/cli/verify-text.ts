/** What `tsrun verify` prints. */
import type { Finding } from "../container/verify/verify.ts";
import { oneLine } from "./log.ts";

type State = Finding["state"];

/** Whom the findings are about. */
interface Target {
  readonly pid: number;
  readonly bundle: { readonly path: string };
}

/** What is printed of each state: trouble first. What is as it should be is only counted. */
const LINES: readonly (readonly [State, (finding: Finding) => string])[] = [
  ["differs", ({ path, found, asked }) => `${path}: ${found}; asked: ${asked}`],
  ["unseen", ({ path, found }) => `not seen: ${path}: ${found}`],
  [
    "changed",
    ({ path, found, asked }) => `changed by the program itself, it seems: ${path}: ${found}; asked: ${asked}`,
  ],
];

export function verifyText(_: Target, findings: readonly Finding[]): string {
  const lines = LINES.flatMap(([state, line]) => findings.filter((one) => one.state === state).map(line));
  return [...lines, counts(findings)].map((line) => `${oneLine(line)}\n`).join("");
}

function counts(findings: readonly Finding[]): string {
  const count = (wanted: State) => findings.filter(({ state }) => state === wanted).length;
  const parts = [
    `${count("same")} as asked`,
    `${count("differs")} different`,
    ...(count("changed") > 0 ? [`${count("changed")} changed by the program itself`] : []),
    ...(count("unseen") > 0 ? [`${count("unseen")} not seen`] : []),
  ];
  return parts.join(", ");
}

export function verifyJson({ pid, bundle }: Target, findings: readonly Finding[]): string {
  const differs = findings.some(({ state }) => state === "differs");
  return `${JSON.stringify({ pid, bundle: bundle.path, drift: differs, findings }, null, 2)}\n`;
}
