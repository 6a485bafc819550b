/** `tsrun list` with --tree, a picture's format, or --all-roots: more than runc lists. */

import type { Caller } from "../../agent/caller.ts";
import { type Known, knownIn } from "../../container/pods/known.ts";
import { liveOf, type Namespaces } from "../../container/pods/live.ts";
import { everyRoot } from "../../container/pods/places.ts";
import { KINDS, type Pod, podsOf } from "../../container/pods/pods.ts";
import { SyscallError } from "../../kernel/call.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { isErrno, status } from "../../kernel/files.ts";
import { UserError } from "../../kernel/user-error.ts";
import { storeOf } from "../flags/store-of.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { oneLine, plainJson, warnings } from "../output/log.ts";
import { print, table } from "../output/output.ts";
import type { Session } from "../session/session.ts";
import { podsJson, treeOf } from "./tree.ts";

type List = InvocationOf<"list">;

export async function listPods(invocation: List, session: Session): Promise<number> {
  const { flags } = invocation;
  const known = allKnown(invocation, session);
  const isPicture = flags.format === "dot" || flags.format === "svg";
  if (flags.quiet) print(session, known.map(({ id }) => `${oneLine(id)}\n`).join(""));
  else if (isPicture || flags.tree || flags.pod !== undefined) {
    const pods = chosen(
      podsOf(
        known.map((one) => ({ ...one, ...liveOf(one) })),
        host(session.caller),
        inodeOf,
      ),
      flags.pod,
    );
    print(session, await shown(pods, flags));
  } else print(session, flags.format === "json" ? rowsJson(known) : rowsTable(known));
  return 0;
}

function allKnown({ globals, flags }: List, session: Session): readonly Known[] {
  const tell = warnings(session, globals);
  const store = storeOf(globals, session.caller);
  const { root } = store;
  if (!flags.allRoots) store.ids(); // a root of one's own that cannot be read is an error
  const roots = flags.allRoots ? new Set([root, ...everyRoot(session.caller, tell)]) : [root];
  return [...roots].flatMap((one) => knownIn(one, session.caller, tell));
}

async function shown(pods: readonly Pod[], { format, allRoots }: List["flags"]): Promise<string> {
  switch (format) {
    case "dot":
      return (await import("./dot.ts")).dotOf(pods);
    case "svg":
      return (await import("./svg.ts")).svgOf(pods);
    case "json":
      return podsJson(pods);
    case "table":
      return treeOf(pods, allRoots);
  }
}

/** The pod of a container, or all without one. @throws UserError */
function chosen(pods: readonly Pod[], id: string | undefined): readonly Pod[] {
  if (id === undefined) return pods;
  const found = pods.filter(({ members }) =>
    members.some((member) => member.id === id || member.name === id),
  );
  if (found.length === 0) throw new UserError("list", `--pod ${id}: there is no such container here`);
  return found;
}

function host(caller: Caller): Namespaces {
  return Object.fromEntries(KINDS.map(({ file }) => [file, caller.namespace(file)]));
}

/** `net:[4026532177]` for a namespace that is kept at a path. */
function inodeOf(path: string, file: string): string | null {
  try {
    return `${file}:[${status(path).inode}]`;
  } catch (error) {
    if (error instanceof SyscallError && isErrno(error, ERRNO.ENOENT, ERRNO.EACCES, ERRNO.ENOTDIR))
      return null;
    throw error;
  }
}

/** The columns of `list`, and whose each is: other users have written some of it, with characters that they chose. */
function rowsTable(known: readonly Known[]): string {
  const rows = known.map(({ id, init, status, bundle, created, owner, runtime, root }) => [
    ...[
      id,
      String(status === "stopped" ? 0 : (init?.pid ?? 0)),
      status,
      bundle,
      created,
      owner,
      runtime,
      root,
    ],
  ]);
  const shown = rows.map((row) => row.map(oneLine));
  return table([["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER", "RUNTIME", "ROOT"], ...shown]);
}

function rowsJson(known: readonly Known[]): string {
  const rows = known.map(
    ({ id, init, status, bundle, rootfs, created, annotations, owner, runtime, root }) => ({
      ...{ id, pid: status === "stopped" ? 0 : (init?.pid ?? 0), status, bundle, rootfs, created },
      ...{ annotations, owner, runtime, root },
    }),
  );
  return `${plainJson(JSON.stringify(rows))}\n`;
}
