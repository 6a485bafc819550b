import { describeAll } from "../../container/describe.ts";
import { storeOf } from "../flags/store-of.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { warnings } from "../output/log.ts";
import { print, table } from "../output/output.ts";
import type { Session } from "../session/session.ts";

/**
 * `tsrun list`: in a table, as JSON, or the ids alone, in runc's shapes. All in plain loops, as in what it calls: `map`
 * and its like are compiled at their first use in a process, and four of them would be a tenth of what this takes.
 */
export function list(invocation: InvocationOf<"list">, session: Session): number | Promise<number> {
  const { globals, flags } = invocation;
  if (showsPods(flags))
    return import("../pods/list-pods.ts").then(({ listPods }) => listPods(invocation, session));
  const store = storeOf(globals, session.caller);
  if (globals.root !== undefined) store.requireRoot();
  const warn = warnings(session, globals);
  if (flags.quiet) print(session, lines(store.ids()));
  else if (flags.format === "json") print(session, `${JSON.stringify(describeAll(store, warn))}\n`);
  else {
    const rows = [["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]];
    for (const { id, pid, status, bundle, created, owner } of describeAll(store, warn))
      rows.push([id, String(pid), status, bundle, created, owner]);
    print(session, table(rows));
  }
  return 0;
}

/** Whether more is asked for than runc lists. */
export function showsPods({ format, tree, pod, allRoots }: InvocationOf<"list">["flags"]): boolean {
  return tree || allRoots || pod !== undefined || format === "dot" || format === "svg";
}

function lines(words: readonly string[]): string {
  let text = "";
  for (const word of words) text += `${word}\n`;
  return text;
}
