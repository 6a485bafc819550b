import type { Globals } from "../grammar/table.ts";
import type { Session } from "../session/session.ts";

/** A command that waits. */
export interface Waiting {
  readonly session: Session;
  readonly globals: Globals;
  readonly verb: string;
  readonly id: string;
}
