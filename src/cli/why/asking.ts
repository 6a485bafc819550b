/** What src/container/why needs of the command line: how commands are read, and how a creation is rehearsed. */
import { fromCaller } from "../../container/caller/caller.ts";
import type { Command } from "../../container/why/commands.ts";
import type { Asking } from "../../container/why/why.ts";
import { type Invocation, parse } from "../grammar/parse.ts";
import { UsageError } from "../grammar/usage-error.ts";
import type { Session } from "../session/session.ts";

/** Commands that change a container, and may wait for something. */
const WORKING: readonly string[] = [
  ...[
    "create",
    "start",
    "run",
    "exec",
    "kill",
    "delete",
    "pause",
    "resume",
    "update",
    "checkpoint",
    "restore",
  ],
];

function read(argv: readonly string[]): Invocation | null {
  try {
    return parse(argv);
  } catch (error) {
    if (error instanceof UsageError) return null;
    throw error;
  }
}

export const askingFor = ({ pid: own }: Session): Asking => ({
  own,
  read(argv, pid) {
    const invocation = read(argv);
    if (invocation === null || !("args" in invocation) || !WORKING.includes(invocation.command)) return null;
    const [id] = invocation.args;
    const { root } = invocation.globals;
    if (typeof id !== "string") return null;
    return {
      verb: invocation.command,
      id,
      root: root === undefined ? null : fromCaller({ proc: `/proc/${pid}` }, root),
    };
  },
  rehearsal: ({ id, bundle }, creator) => [
    ...["--no-serve", "__steps", "--bundle", bundle, ...flagsOf(creator), id],
  ],
});

/** The flags of a creation that change the init's steps. */
function flagsOf(creator: Command | null): readonly string[] {
  const invocation = creator === null ? null : read(creator.words);
  if (invocation?.command !== "create" && invocation?.command !== "run") return [];
  const { noPivot, noNewKeyring } = invocation.flags;
  return [...(noPivot ? ["--no-pivot"] : []), ...(noNewKeyring ? ["--no-new-keyring"] : [])];
}
