/** Loaded only for a command that takes long. */
import { whyHere } from "../container/why/why.ts";
import { linesOf } from "../kernel/user-error.ts";
import { askingFor } from "./asking.ts";
import type { Globals } from "./grammar/table.ts";
import { log, oneLine } from "./log.ts";
import { complain } from "./output.ts";
import type { Session } from "./session.ts";
import { storeOf } from "./store-of.ts";

/**
 * Logs what a command waits for, as an error: that is the level that containerd's shim and podman show of a command that
 * they have killed. Without `--log` only a terminal is told.
 */
export async function sayWhy(session: Session, globals: Globals, verb: string, id: string): Promise<void> {
  try {
    using directory = storeOf(globals, session.caller).find(id);
    if (directory === null) return;
    const line = await whyHere(directory, verb, askingFor(session));
    if (globals.log !== undefined) log(session, globals, "error", line);
    else if (session.complainsToTerminal) complain(session, `tsrun: ${oneLine(line)}`);
  } catch (error) {
    // The command itself is not to fail by this.
    log(session, globals, "debug", linesOf(error).join("\n"));
  }
}
