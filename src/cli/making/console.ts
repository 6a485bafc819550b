import type { Process } from "../../../runtime-spec/config.ts";
import type { Caller } from "../../agent/caller.ts";
import { fromCaller } from "../../container/caller/caller.ts";
import type { CallerConsole, ConsoleOptions, ConsoleSocket } from "../../container/terminal/console.ts";
import type { OutputFile } from "../flags/output-file.ts";

/** The console that serves the process's terminal; null if it has none. Its code is loaded only when needed. */
export async function consoleFor(
  caller: Caller,
  process: Process,
  { consoleSocket, detach }: ConsoleOptions,
): Promise<CallerConsole | ConsoleSocket | null> {
  if (!process.terminal && consoleSocket === undefined) return null;
  const { openConsole } = await import("../../container/terminal/console.ts");
  const path = consoleSocket === undefined ? undefined : fromCaller(caller, consoleSocket);
  return openConsole(caller.streams, process, { consoleSocket: path, detach });
}

/** The file that `--output` names, as the output of what is started for the caller; null without that flag. */
export async function outputFor(
  caller: Caller,
  process: Process,
  { output }: { readonly output: string | undefined },
): Promise<OutputFile | null> {
  if (output === undefined) return null;
  const { OutputFile } = await import("../flags/output-file.ts");
  return new OutputFile(caller, output, process);
}

/** A function that sends a pidfd to `--pidfd-socket`; undefined without that flag. */
export async function announcerFor(caller: Caller, path: string | undefined, kind: "standard" | "setns") {
  if (path === undefined) return undefined;
  const { pidfdSender } = await import("../../container/caller/caller-socket.ts");
  return pidfdSender(fromCaller(caller, path), kind);
}
