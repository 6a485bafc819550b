import type { Mount } from "../../../runtime-spec/config.ts";
import { parseJson } from "../../../runtime-spec/json.ts";
import { lineOf, validateMounts } from "../../../runtime-spec/validate.ts";
import { fromCaller } from "../../container/caller/caller.ts";
import type { ListedMount } from "../../container/mounts/list.ts";
import { UserError } from "../../kernel/user-error.ts";
import { isBind } from "../../linux/mounts/mount-options.ts";
import { readNamed } from "../flags/named-file.ts";
import { storeOf } from "../flags/store-of.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { UsageError } from "../grammar/usage-error.ts";
import { doubt, log, warnings } from "../output/log.ts";
import { print, table } from "../output/output.ts";
import type { Session } from "../session/session.ts";

type Mounts = InvocationOf<"mounts">;

/** `tsrun mounts add|remove ID FILE`, crun's command line, and `tsrun mounts list ID`. */
export async function mounts(invocation: Mounts, session: Session): Promise<number> {
  const { args, globals } = invocation;
  const [action, id, file] = args;
  const store = storeOf(globals, session.caller);
  const refuse = (why: string) => new UsageError("mounts", why, globals);
  if (action === "list") {
    if (file !== undefined) throw refuse(`list takes no file: leave out ${JSON.stringify(file)}`);
    const { listMounts } = await import("../../container/mounts/list.ts");
    print(session, (invocation.flags.format === "json" ? jsonOf : textOf)(listMounts(store, id)));
    return 0;
  }
  if (action !== "add" && action !== "remove")
    throw refuse(`the action is add, remove or list, not ${JSON.stringify(action)}`);
  if (file === undefined) throw refuse(`${action} needs a FILE with the mounts; - is standard input`);
  const source = file === "-" ? "standard input" : file;
  const wanted = await mountsIn(file, source, invocation, session);
  const placeOf = (index: number) => `${source}: mounts[${index}]`;
  await shown(globals, session, async () => {
    if (action === "add") {
      const { addMounts } = await import("../../container/mounts/add.ts");
      await addMounts(store, id, wanted, placeOf);
    } else {
      const { removeMounts } = await import("../../container/mounts/remove.ts");
      await removeMounts(store, id, wanted, placeOf, warnings(session, globals));
    }
  });
  return 0;
}

/** Shows each step of `act` with --debug. */
async function shown(globals: Mounts["globals"], session: Session, act: () => Promise<void>): Promise<void> {
  if (!globals.debug) return act();
  const { traced } = await import("../../container/listing/trace.ts");
  await traced((line) => log(session, globals, "debug", line), act);
}

async function mountsIn(
  file: string,
  source: string,
  { globals }: Mounts,
  session: Session,
): Promise<readonly Mount[]> {
  const text =
    file === "-" ? await session.readInput() : readNamed("mounts:", fromCaller(session.caller, file));
  const { mounts, problems, warnings: doubts } = validateMounts(parseJson(text, source));
  if (problems.length > 0) throw new UserError(problems.map((problem) => lineOf(source, problem)));
  for (const one of doubts) doubt(session, globals, lineOf(source, one));
  return mounts;
}

function textOf(listed: readonly ListedMount[]): string {
  const rows = listed.map(({ mount, from, state }) => [
    mount.destination,
    isBind(mount) ? "bind" : (mount.type ?? "none"),
    mount.source ?? "",
    (mount.options ?? []).join(","),
    from,
    state,
  ]);
  return table([["DESTINATION", "TYPE", "SOURCE", "OPTIONS", "FROM", "STATE"], ...rows]);
}

function jsonOf(listed: readonly ListedMount[]): string {
  const entries = listed.map(({ mount, from, state, found }) => ({
    ...mount,
    from,
    state,
    ...(found === null ? {} : { found: foundOf(found) }),
  }));
  return `${JSON.stringify(entries, null, 2)}\n`;
}

/** As the kernel has it: proc_pid_mountinfo(5). */
function foundOf({
  type,
  source,
  root,
  options,
  superOptions,
  propagation,
}: NonNullable<ListedMount["found"]>) {
  return { type, source, root, options, superOptions, propagation };
}
