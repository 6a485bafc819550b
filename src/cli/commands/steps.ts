import { readBundle } from "../../container/bundle.ts";
import { rehearse } from "../../container/dry-run.ts";
import { OUTSIDE } from "../../container/why/program.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { print } from "../output/output.ts";
import type { Session } from "../session/session.ts";

/** `tsrun __steps ID`: the steps that make a container, whatever there is of it. */
export async function steps(
  { flags, args: [id] }: InvocationOf<"__steps">,
  session: Session,
): Promise<number> {
  const { caller } = session;
  const bundle = readBundle(flags.bundle, caller);
  const deeds = await rehearse(caller, id, bundle, OUTSIDE, { ...flags, preserveFds: 0 });
  print(session, JSON.stringify(deeds));
  return 0;
}
