import { type Known, knownIn } from "../../container/pods/known.ts";
import { everyRoot } from "../../container/pods/places.ts";
import type { Answer } from "../../container/why/answer.ts";
import { whyForeign, why as whyOf } from "../../container/why/why.ts";
import { storeOf } from "../flags/store-of.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { oneLine } from "../output/log.ts";
import { print } from "../output/output.ts";
import type { Session } from "../session/session.ts";
import { askingFor } from "../why/asking.ts";

/** `tsrun why ID`: why a container, or a command on it, hangs; why it has stopped. */
export async function why(invocation: InvocationOf<"why">, session: Session): Promise<number> {
  const { line, details } = await answer(invocation, session);
  print(
    session,
    [line, ...details.map((detail) => `  ${detail}`)].map((one) => `${oneLine(one)}\n`).join(""),
  );
  return 0;
}

async function answer({ globals, args: [id] }: InvocationOf<"why">, session: Session): Promise<Answer> {
  const store = storeOf(globals, session.caller);
  const foreign = foreignAs(id, globals.root === undefined ? null : store.root, session);
  using directory = store.find(id);
  if (foreign !== null && (directory === null || foreign.root === store.root)) return whyForeign(foreign);
  return whyOf(directory ?? store.open(id), askingFor(session));
}

/** A container of another runtime, in this state directory or, with null, in any. */
function foreignAs(id: string, root: string | null, { caller }: Session): Known | null {
  const roots = root === null ? everyRoot(caller, () => {}) : [root];
  const all = roots.flatMap((one) => knownIn(one, caller, () => {}));
  return all.find((known) => known.id === id && known.runtime !== "tsrun") ?? null;
}
