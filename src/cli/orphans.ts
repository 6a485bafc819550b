import type { Foreground } from "../container/foreground/foreground.ts";
import type { SavedInit } from "../container/state/store.ts";

interface Flags {
  readonly detach: boolean;
  readonly noSubreaper: boolean;
}

/** Makes tsrun adopt a container's orphans if nobody inside does; null if it needn't, or is told not to. */
export async function adopting({ detach, noSubreaper }: Flags, { ownsPidNamespace }: SavedInit) {
  if (detach || noSubreaper || ownsPidNamespace) return null;
  const subreaper = await import("../container/foreground/subreaper.ts");
  subreaper.adoptOrphans();
  return subreaper;
}

/** Waits for a container's end, and meanwhile reaps the orphans that tsrun has adopted. */
export async function waitFor(
  foreground: Foreground,
  { pid }: SavedInit,
  subreaper: Awaited<ReturnType<typeof adopting>>,
): Promise<number> {
  using _ = subreaper?.reapOrphans(pid);
  return await foreground.wait();
}
