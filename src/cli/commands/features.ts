import { features as knownFeatures } from "../../container/features.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { print } from "../output.ts";
import type { Session } from "../session.ts";
import { VERSION } from "./version.ts";

/** `tsrun features`: what tsrun can do, as JSON. */
export function features(_: InvocationOf<"features">, session: Session): number {
  print(session, `${JSON.stringify(knownFeatures(VERSION), null, 2)}\n`);
  return 0;
}
