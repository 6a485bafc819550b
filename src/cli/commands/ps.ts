import type { Caller } from "../../agent/caller.ts";
import { processesOf } from "../../container/state/processes.ts";
import { UserError } from "../../kernel/user-error.ts";
import { storeOf } from "../flags/store-of.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { print } from "../output/output.ts";
import type { Session } from "../session/session.ts";

/** `tsrun ps ID`: the host's pids of a container's processes as JSON, or the host's `ps` of them. */
export async function ps(
  { globals, flags, args: [id, ...options] }: InvocationOf<"ps">,
  session: Session,
): Promise<number> {
  using directory = storeOf(globals, session.caller).open(id);
  const saved = directory.read();
  const pids = saved === null ? [] : processesOf(saved);
  const json = flags.format === "json";
  print(
    session,
    json ? `${JSON.stringify(pids)}\n` : await processTable(session.caller, options, new Set(pids)),
  );
  return 0;
}

/** The heading of `ps`, which shows where the pid is, and its lines about these processes. */
async function processTable(
  { env }: Caller,
  options: readonly string[],
  pids: ReadonlySet<number>,
): Promise<string> {
  const path = Bun.which("ps", { PATH: env["PATH"] ?? "" });
  if (path === null) throw new UserError("ps", "there is no ps in PATH; install it (Debian: procps)");
  const child = Bun.spawn([path, ...(options.length > 0 ? options : ["-ef"])], {
    argv0: "ps",
    env,
    stderr: "pipe",
  });
  const [shown, complaint, status] = await Promise.all([
    Bun.readableStreamToText(child.stdout),
    Bun.readableStreamToText(child.stderr),
    child.exited,
  ]);
  if (status !== 0) throw new UserError("ps", complaint.trim().split("\n")[0] ?? "failed");
  const [heading = "", ...lines] = shown.trimEnd().split("\n");
  const column = heading.trim().split(/\s+/).indexOf("PID");
  if (column < 0)
    throw new UserError(
      "ps",
      "these options show no PID column, which tsrun needs to find the container's processes",
    );
  const own = lines.filter((line) => pids.has(Number(line.trim().split(/\s+/)[column])));
  return [heading, ...own, ""].join("\n");
}
