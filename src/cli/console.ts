import type { Process } from "../../runtime-spec/config.ts";
import type { CallerConsole, ConsoleOptions, ConsoleSocket } from "../container/terminal/console.ts";

/** The console that serves the process's terminal; null if it has none. Its code is loaded only when needed. */
export async function consoleFor(
  process: Process,
  options: ConsoleOptions,
): Promise<CallerConsole | ConsoleSocket | null> {
  if (!process.terminal && options.consoleSocket === undefined) return null;
  const { openConsole } = await import("../container/terminal/console.ts");
  return openConsole(process, options);
}

/** A function that sends a pidfd to `--pidfd-socket`; undefined without that flag. */
export async function announcerFor(path: string | undefined, kind: "standard" | "setns") {
  if (path === undefined) return undefined;
  const { pidfdSender } = await import("../container/caller/caller-socket.ts");
  return pidfdSender(path, kind);
}
