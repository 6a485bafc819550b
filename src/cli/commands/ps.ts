import type { Caller } from "../../agent/caller.ts";
import { processesOf } from "../../container/state/processes.ts";
import { UserError } from "../../kernel/user-error.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { print } from "../output.ts";
import { storeOf } from "../store-of.ts";

/** `tsrun ps ID`: the host's pids of a container's processes as JSON, or the host's `ps` of them. */
export function ps({ globals, flags, args: [id, ...options] }: InvocationOf<"ps">, caller: Caller): number {
  using directory = storeOf(globals, caller).open(id);
  const saved = directory.read();
  const pids = saved === null ? [] : processesOf(saved);
  print(flags.format === "json" ? `${JSON.stringify(pids)}\n` : processTable(options, new Set(pids)));
  return 0;
}

/** The heading of `ps`, which shows where the pid is, and its lines about these processes. */
function processTable(options: readonly string[], pids: ReadonlySet<number>): string {
  if (Bun.which("ps") === null)
    throw new UserError("ps", "there is no ps in PATH; install it (Debian: procps)");
  const found = Bun.spawnSync(["ps", ...(options.length > 0 ? options : ["-ef"])], { stderr: "pipe" });
  if (found.exitCode !== 0)
    throw new UserError("ps", found.stderr.toString().trim().split("\n")[0] ?? "failed");
  const [heading = "", ...lines] = found.stdout.toString().trimEnd().split("\n");
  const column = heading.trim().split(/\s+/).indexOf("PID");
  if (column < 0)
    throw new UserError(
      "ps",
      "these options show no PID column, by which the container's processes are known",
    );
  const own = lines.filter((line) => pids.has(Number(line.trim().split(/\s+/)[column])));
  return [heading, ...own, ""].join("\n");
}
