import { features as knownFeatures } from "../../container/features.ts";
import { reasonsHere } from "../../serve/ask.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { print } from "../output/output.ts";
import type { Session } from "../session/session.ts";
import { COMMIT, VERSION } from "../version.ts";

/** `tsrun features`: what tsrun can do, as JSON. */
export async function features(_: InvocationOf<"features">, session: Session): Promise<number> {
  const { process: why } = await reasonsHere(session.caller);
  print(session, `${JSON.stringify(knownFeatures(VERSION, COMMIT, why), null, 2)}\n`);
  return 0;
}
