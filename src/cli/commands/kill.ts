import { kill as killContainer } from "../../container/kill.ts";
import { SIGNALS } from "../../kernel/signals.ts";
import { UserError } from "../../kernel/user-error.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import type { Session } from "../session.ts";
import { storeOf } from "../store-of.ts";

/** `tsrun kill ID [SIGNAL]` */
export async function kill(
  { globals, flags, args: [id, signal = "TERM"] }: InvocationOf<"kill">,
  session: Session,
): Promise<number> {
  await killContainer(storeOf(globals, session.caller), id, signalNumber(signal), flags.all);
  return 0;
}

const numbers: { readonly [name: string]: number } = SIGNALS;

/** A signal as given on a command line: `15`, `TERM`, `SIGTERM`, `sigterm`, `RTMIN+3`. @throws UserError */
export function signalNumber(word: string): number {
  if (/^\d+$/.test(word)) {
    const number = Number(word);
    if (number <= SIGNALS.SIGRTMAX) return number;
  }
  const [, name = "", sign = "", offset = "0"] =
    /^(?:SIG)?([A-Z0-9]+?)(?:([+-])(\d+))?$/.exec(word.toUpperCase()) ?? [];
  const base = numbers[`SIG${name}`];
  const number = base === undefined ? -1 : base + Number(`${sign}${offset}`);
  if (
    base === undefined ||
    (sign !== "" && !name.startsWith("RT")) ||
    number < 0 ||
    number > SIGNALS.SIGRTMAX
  )
    throw new UserError(
      `unknown signal ${JSON.stringify(word)}: give a number up to 64 or a name like TERM or SIGTERM`,
    );
  return number;
}
