import {
  containerTarget,
  type Finding,
  verify as look,
  processTarget,
} from "../../container/verify/verify.ts";
import { EXIT } from "../../kernel/user-error.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { UsageError } from "../grammar/usage-error.ts";
import { print } from "../output.ts";
import type { Session } from "../session.ts";
import { storeOf } from "../store-of.ts";
import { verifyJson, verifyText } from "../verify-text.ts";

/**
 * `tsrun verify`: what a running container has against its config.json. Returns 1 if something differs, and 2 if nothing
 * differs but something could not be looked at.
 */
export async function verify(invocation: InvocationOf<"verify">, session: Session): Promise<number> {
  const { flags } = invocation;
  const target = targetOf(invocation, session);
  const findings = await look(session.caller, target);
  print(session, (flags.format === "json" ? verifyJson : verifyText)(target, findings));
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
