import { kill as killContainer } from "../../container/kill.ts";
import { SIGNALS } from "../../kernel/signals.ts";
import { UserError } from "../../kernel/user-error.ts";
import { storeOf } from "../flags/store-of.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import type { Session } from "../session/session.ts";

/** `tsrun kill ID [SIGNAL]` */
export async function kill(
  { globals, flags, args: [id, signal = "TERM"] }: InvocationOf<"kill">,
  session: Session,
): Promise<number> {
  await killContainer(storeOf(globals, session.caller), id, signalNumber(signal, id), flags.all);
  return 0;
}

const numbers: { readonly [name: string]: number } = SIGNALS;

/**
 * A signal as given on a command line: `15`, `TERM`, `SIGTERM`, `sigterm`, `RTMIN+3`. @throws UserError, which knows
 * the order of arguments and the dash of kill(1)
 */
export function signalNumber(word: string, id = ""): number {
  const number = numberOf(word);
  if (number !== null) return number;
  const instead =
    word.startsWith("-") && numberOf(word.slice(1)) !== null
      ? `write it without the dash: ${word.slice(1)}`
      : numberOf(id) !== null && word !== ""
        ? `the container comes first: tsrun kill ${word} ${id}`
        : "give a number up to 64 or a name like TERM or SIGTERM";
  throw new UserError(`unknown signal ${JSON.stringify(word)}: ${instead}`);
}

function numberOf(word: string): number | null {
  if (/^\d+$/.test(word)) return Number(word) <= SIGNALS.SIGRTMAX ? Number(word) : null;
  const [, name = "", sign = "", offset = "0"] =
    /^(?:SIG)?([A-Z0-9]+?)(?:([+-])(\d+))?$/.exec(word.toUpperCase()) ?? [];
  const base = numbers[`SIG${name}`];
  if (base === undefined || (sign !== "" && !name.startsWith("RT"))) return null;
  const number = base + Number(`${sign}${offset}`);
  return number < 0 || number > SIGNALS.SIGRTMAX ? null : number;
}
