import { type ContainerStatus, containerStatus } from "../../container/state/status.ts";
import type { Store } from "../../container/state/store.ts";
import { UserError } from "../../kernel/user-error.ts";
import { storeOf } from "../flags/store-of.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { completions } from "../help/complete.ts";
import { completionScript } from "../help/completion.ts";
import { shownCommands } from "../help/help.ts";
import { print } from "../output/output.ts";
import type { Session } from "../session/session.ts";

/** `tsrun completion SHELL` */
export function completion({ args: [shell] }: InvocationOf<"completion">, session: Session): number {
  const script = completionScript(shell);
  if (script === undefined)
    throw new UserError("completion", `unknown shell ${JSON.stringify(shell)}: bash, zsh or fish`);
  print(session, script);
  return 0;
}

/** `tsrun __complete -- WORDS`: the possible last words of a command line, for the shells' scripts. */
export function complete({ globals, args }: InvocationOf<"__complete">, session: Session): number {
  const lines = completions(args, {
    commands: shownCommands(),
    containers: (root = globals.root, statuses) =>
      idsIn(storeOf({ ...globals, root }, session.caller), statuses),
  });
  print(session, lines.map((line) => `${line}\n`).join(""));
  return 0;
}

function idsIn(store: Store, statuses: readonly ContainerStatus[] | null): readonly string[] {
  const ids = store.ids();
  return statuses === null ? ids : ids.filter((id) => isIn(store, id, statuses));
}

function isIn(store: Store, id: string, statuses: readonly ContainerStatus[]): boolean {
  try {
    using directory = store.find(id);
    return directory !== null && statuses.includes(containerStatus(directory, directory.read()));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return false; // its state is damaged, or is being removed
  }
}
