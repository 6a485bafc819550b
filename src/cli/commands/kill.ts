import { signalNumber } from "../../container/foreground/signals.ts";
import { kill as killContainer } from "../../container/kill.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { storeOf } from "../store-of.ts";

/** `tsrun kill ID [SIGNAL]` */
export function kill({ globals, flags, args: [id, signal = "TERM"] }: InvocationOf<"kill">): number {
  killContainer(storeOf(globals), id, signalNumber(signal), flags.all);
  return 0;
}
