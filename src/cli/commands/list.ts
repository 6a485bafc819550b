import type { Caller } from "../../agent/caller.ts";
import { describeAll } from "../../container/describe.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { warnings } from "../log.ts";
import { print, table } from "../output.ts";
import { storeOf } from "../store-of.ts";

/**
 * `tsrun list`: in a table, as JSON, or the ids alone, in runc's shapes. All in plain loops, as in what it calls: `map`
 * and its like are compiled at their first use in a process, and four of them would be a tenth of what this takes.
 */
export function list({ globals, flags }: InvocationOf<"list">, caller: Caller): number {
  const store = storeOf(globals, caller);
  const warn = warnings(globals);
  if (flags.quiet) print(lines(store.ids()));
  else if (flags.format === "json") print(`${JSON.stringify(describeAll(store, warn))}\n`);
  else {
    const rows = [["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]];
    for (const { id, pid, status, bundle, created, owner } of describeAll(store, warn))
      rows.push([id, String(pid), status, bundle, created, owner]);
    print(table(rows));
  }
  return 0;
}

function lines(words: readonly string[]): string {
  let text = "";
  for (const word of words) text += `${word}\n`;
  return text;
}
