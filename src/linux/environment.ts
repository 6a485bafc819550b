/**
 * Each variable once: where it stood first, with its last value, as runc has it. Programs disagree about doubles:
 * getenv(3) takes the first, shells the last.
 */
export function withoutDoubles(env: readonly string[]): readonly string[] {
  const entries = new Map<string, string>();
  for (const entry of env) entries.set(entry.slice(0, entry.indexOf("=")), entry);
  return [...entries.values()];
}
