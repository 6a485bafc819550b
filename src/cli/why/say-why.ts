/** Loaded only for a command that takes long. */
import { type Here, whyHere } from "../../container/why/why.ts";
import { kill } from "../../kernel/calls.ts";
import { SIGKILL } from "../../kernel/constants.ts";
import { attempt } from "../../kernel/here.ts";
import { isInternal, linesOf } from "../../kernel/user-error.ts";
import { storeOf } from "../flags/store-of.ts";
import { log, oneLine } from "../output/log.ts";
import { complain } from "../output/output.ts";
import { askingFor } from "./asking.ts";
import type { Waiting } from "./waiting.ts";

/**
 * Logs what a command waits for, as an error: that is the level that containerd's shim and podman show of a command that
 * has been killed. Without `--log` only a terminal is told.
 */
export async function sayWhy(waiting: Waiting): Promise<void> {
  const { session, globals } = waiting;
  const here = await look(waiting);
  if (here === null) return;
  if (globals.log !== undefined) log(session, globals, "error", here.line);
  else if (session.complainsToTerminal) complain(session, `tsrun: ${oneLine(here.line)}`);
}

/**
 * Ends the process that a creation waits for, so that it fails, and is undone. Returns what it has waited for; null when
 * there is no such process of its own.
 */
export async function giveUp(waiting: Waiting): Promise<string | null> {
  const here = await look(waiting);
  if (here?.child == null) return null;
  attempt(kill(here.child, SIGKILL)); // its pid is nobody else's, as it is not reaped
  return here.line;
}

async function look({ session, globals, verb, id }: Waiting): Promise<Here | null> {
  try {
    using directory = storeOf(globals, session.caller).find(id);
    return directory === null ? null : await whyHere(directory, verb, askingFor(session));
  } catch (error) {
    if (isInternal(error)) throw error;
    log(session, globals, "debug", linesOf(error).join("\n")); // the command itself is not to fail by this
    return null;
  }
}
