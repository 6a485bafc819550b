import { type Event, events as eventsOf, statsOf } from "../../container/events.ts";
import { UserError } from "../../kernel/user-error.ts";
import { statsJson } from "../../linux/cgroups/stats.ts";
import { storeOf } from "../flags/store-of.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { print } from "../output/output.ts";
import type { Session } from "../session/session.ts";

/** `tsrun events ID`: statistics as JSON lines, and OOM kills, until the container has ended; `--stats` once. */
export async function events(
  { globals, flags, args: [id] }: InvocationOf<"events">,
  session: Session,
): Promise<number> {
  if (flags.interval <= 0) throw new UserError("events", "--interval must be greater than 0");
  const store = storeOf(globals, session.caller);
  if (flags.stats) print(session, line(id, { type: "stats", stats: statsOf(store, id) }));
  else for await (const event of eventsOf(store, id, flags.interval)) print(session, line(id, event));
  return 0;
}

function line(id: string, event: Event): string {
  const data = event.type === "stats" ? `,"data":${statsJson(event.stats)}` : "";
  return `{"type":"${event.type}","id":${JSON.stringify(id)}${data}}\n`;
}
