import type { Caller } from "../../agent/caller.ts";
import type { Readiness } from "../../container/foreground/notify-socket.ts";

/** Tells the caller's NOTIFY_SOCKET that the container is ready; null if the caller has none. */
export async function readinessFor({ env }: Caller, warn: (line: string) => void): Promise<Readiness | null> {
  const { NOTIFY_SOCKET: host = "" } = env;
  if (host === "") return null;
  const { Readiness } = await import("../../container/foreground/notify-socket.ts");
  return new Readiness(host, warn);
}
