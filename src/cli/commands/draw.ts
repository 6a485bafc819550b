import { fromCaller } from "../../container/caller/caller.ts";
import { readTimelines } from "../../container/timeline/read.ts";
import { rendered, requireForm } from "../../container/timeline/render.ts";
import { readNamed } from "../flags/named-file.ts";
import { writeNamed } from "../flags/trace.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { print } from "../output/output.ts";
import type { Session } from "../session/session.ts";

/** `tsrun draw FILE...`: the commands of all files on one time axis. */
export async function draw({ flags, args }: InvocationOf<"draw">, session: Session): Promise<number> {
  const { caller } = session;
  if (flags.output !== undefined) requireForm("draw: --output", flags.output);
  const read = (file: string) => readTimelines(file, readNamed("draw:", fromCaller(caller, file)));
  const commands = args.flatMap(read).toSorted((a, b) => a.from - b.from);
  const { output } = flags;
  if (output === undefined) print(session, rendered(commands, ".svg"));
  else writeNamed("draw: --output", output, fromCaller(caller, output), rendered(commands, output));
  return 0;
}
