import type { SavedInit } from "../../container/state/saved.ts";
import type { Foreground, Session, Subreaper } from "../session/session.ts";

interface Flags {
  readonly detach: boolean;
  readonly noSubreaper: boolean;
}

/** Makes tsrun adopt a container's orphans if nobody inside does; null if it needn't, or is told not to. */
export async function adopting(
  session: Session,
  { detach, noSubreaper }: Flags,
  { ownsPidNamespace }: SavedInit,
): Promise<Subreaper | null> {
  if (detach || noSubreaper || ownsPidNamespace) return null;
  const subreaper = await session.subreaper();
  subreaper.adoptOrphans();
  return subreaper;
}

/** Waits for a container's end, and meanwhile reaps the orphans that tsrun has adopted. Returns its status (wait(2)). */
export async function waitFor(
  foreground: Foreground,
  { pid }: SavedInit,
  subreaper: Subreaper | null,
): Promise<number> {
  using _ = subreaper?.reapOrphans(pid);
  return await foreground.wait();
}
