/** `--fault PLACE=WHAT`. Loaded only for the flag. */
import { readFaults } from "../../container/faults/fault.ts";
import { withFaults } from "../../container/faults/faulty.ts";
import type { Globals } from "../grammar/table.ts";
import { log } from "../output/log.ts";
import type { Session } from "../session/session.ts";

/** Does a command in which faults happen. @throws UserError before anything is done where they are not allowed */
export async function withFaultsOf(
  globals: Globals,
  session: Session,
  act: () => Promise<number>,
): Promise<number> {
  const faults = readFaults("--fault", globals.fault, session.caller.env);
  return withFaults(
    faults,
    ({ text }) => log(session, globals, "warning", `--fault ${text}: no step was for it`),
    act,
  );
}
