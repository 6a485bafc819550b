import { type Description, describe } from "../../container/describe.ts";
import { storeOf } from "../flags/store-of.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { print } from "../output/output.ts";
import type { Session } from "../session/session.ts";

/** `tsrun state ID`: the container's state as JSON; of a stopped one also why, as far as that can be known. */
export function state(
  { globals, args: [id] }: InvocationOf<"state">,
  session: Session,
): number | Promise<number> {
  const store = storeOf(globals, session.caller);
  const show = (described: Description) => {
    print(session, `${JSON.stringify(described, null, 2)}\n`);
    return 0;
  };
  const described = describe(store, id);
  if (described.status !== "stopped") return show(described);
  return import("../../container/state/ending.ts").then(({ endingIn }) => {
    const ended = endingIn(store, id);
    return show(ended === null ? described : { ...described, ...{ ended } });
  });
}
