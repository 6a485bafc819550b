import type { Environment } from "../../agent/caller.ts";

/**
 * The last value of a variable among `NAME=value` entries. A loop, because the first use of each search method of Array
 * costs a process 0.1 ms.
 */
export function variable(env: readonly string[], name: string): string | undefined {
  for (let index = env.length - 1; index >= 0; index--) {
    const entry = env[index] ?? "";
    if (entry.startsWith(`${name}=`)) return entry.slice(name.length + 1);
  }
  return undefined;
}

/**
 * Each variable once: at its first position, with its last value, as in runc. Programs disagree about duplicates:
 * getenv(3) takes the first, shells the last.
 */
export function withoutDoubles(env: readonly string[]): readonly string[] {
  const entries = new Map<string, string>();
  for (const entry of env) entries.set(entry.slice(0, entry.indexOf("=")), entry);
  return [...entries.values()];
}

/** `NAME=value` entries, as execve(2) takes them. */
export function entriesOf(env: Environment): readonly string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}
