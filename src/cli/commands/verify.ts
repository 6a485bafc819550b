import {
  containerTarget,
  type Finding,
  verify as look,
  processTarget,
} from "../../container/verify/verify.ts";
import { EXIT } from "../../kernel/user-error.ts";
import { storeOf } from "../flags/store-of.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { UsageError } from "../grammar/usage-error.ts";
import { oneLine, plainJson } from "../output/log.ts";
import { print } from "../output/output.ts";
import type { Session } from "../session/session.ts";

type State = Finding["state"];

/** What is printed of each state: trouble first. What is as it should be is only counted. */
const LINES: readonly (readonly [State, (finding: Finding) => string])[] = [
  ["differs", ({ path, found, asked }) => `${path}: ${found}; asked: ${asked}`],
  ["unseen", ({ path, found }) => `not seen: ${path}: ${found}`],
  [
    "changed",
    ({ path, found, asked }) => `changed by the program itself, it seems: ${path}: ${found}; asked: ${asked}`,
  ],
];

/**
 * `tsrun verify`: what a running container has against its config.json. Returns 1 if something differs, and 2 if nothing
 * differs but something could not be looked at.
 */
export async function verify(invocation: InvocationOf<"verify">, session: Session): Promise<number> {
  const { flags } = invocation;
  const target = targetOf(invocation, session);
  const findings = await look(session.caller, target);
  print(session, flags.format === "json" ? verifyJson(target, findings) : verifyText(findings));
  return statusOf(findings);
}

function targetOf({ flags: { pid, bundle }, args: [id], globals }: InvocationOf<"verify">, session: Session) {
  const refuse = (why: string) => new UsageError("verify", why, globals);
  if (id !== undefined) {
    if (pid !== undefined || bundle !== undefined)
      throw refuse(
        "ID is for a container of tsrun's, --pid and --bundle are for another runtime's: give one or the other",
      );
    return containerTarget(storeOf(globals, session.caller), id);
  }
  if (pid !== undefined && bundle === undefined)
    throw refuse("--bundle is missing: name the bundle to compare the process with");
  if (pid === undefined || bundle === undefined)
    throw refuse("ID is missing; for another runtime's container, give --pid and --bundle");
  return processTarget(session.caller, pid, bundle);
}

function statusOf(findings: readonly Finding[]): number {
  if (findings.some(({ state }) => state === "differs")) return EXIT.failed;
  return findings.some(({ state }) => state === "unseen") ? EXIT.unanswered : 0;
}

function verifyText(findings: readonly Finding[]): string {
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

function verifyJson({ pid, bundle }: ReturnType<typeof targetOf>, findings: readonly Finding[]): string {
  const differs = findings.some(({ state }) => state === "differs");
  const all = { pid, bundle: bundle.path, drift: differs, findings };
  return `${plainJson(JSON.stringify(all, null, 2))}\n`;
}
