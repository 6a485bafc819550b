import { bundle, type JsonObject, type Patch } from "./bundle.ts";
import { type Container, containerOf } from "./container.ts";
import { uniqueId } from "./environment.ts";
import { type AtTerminal, atTerminal } from "./terminal.ts";

/** A patch for a container whose process has a terminal. */
export function onTerminal(args: readonly string[], process: JsonObject = {}, more: Patch = {}): Patch {
  return { ...more, process: { terminal: true, args: [...args], ...process } };
}

/** The arguments of a shell script. */
export const script = (text: string) => ["sh", "-c", text];

/** A `run` from a terminal, going on. */
interface Session extends AtTerminal {
  readonly box: Container;
}

/** Such a `run`, begun. */
export function running(args: readonly string[], process: JsonObject = {}, more: Patch = {}): Session {
  const box = containerOf(bundle(onTerminal(args, process, more)), uniqueId());
  const session = atTerminal(["run", "--bundle", box.bundle.path, box.id]);
  return {
    ...session,
    box,
    async [Symbol.asyncDispose]() {
      box[Symbol.dispose]();
      await session[Symbol.asyncDispose]();
    },
  };
}

/** What a program prints on the caller's terminal; throws unless it exits 0. */
export async function shown(
  args: readonly string[],
  process: JsonObject = {},
  more: Patch = {},
): Promise<string> {
  await using session = running(args, process, more);
  const status = await session.ended();
  if (status !== 0) throw new Error(`exited with ${status}: ${session.printed()}`);
  return session.printed().replaceAll("\r\n", "\n");
}
