/**
 * The mounts of a container as its state has them: config.json there has all of them in the order in which they were
 * made, those that were added to the running container last.
 */
import type { Config, Mount } from "../../../runtime-spec/config.ts";
import { formatJson } from "../../../runtime-spec/json.ts";
import { names } from "../../linux/inside.ts";
import type { Bundle } from "../bundle.ts";
import type { Saved } from "../state/saved.ts";
import type { StateDirectory } from "../state/state-directory.ts";

/** The mounts of a container, and how many of them, the last ones, were added to it while it ran. */
export interface KnownMounts {
  readonly mounts: readonly Mount[];
  readonly added: number;
}

/** Null when they are those of its bundle. */
export function changedMounts({ addedMounts }: Saved, { mounts = [] }: Config): KnownMounts | null {
  return addedMounts === undefined ? null : { mounts, added: addedMounts };
}

/** Remembers them. */
export function saveMounts(directory: StateDirectory, saved: Saved, { mounts, added }: KnownMounts): void {
  directory.writeConfig({ ...directory.config(), mounts });
  directory.write({ ...saved, addedMounts: added });
}

/** Remembers those again that the container had when the directory was opened. */
export function saveAsBefore(directory: StateDirectory, saved: Saved): void {
  directory.writeConfig(directory.config());
  directory.write(saved);
}

/** A bundle with the mounts that a container has by now. */
export function withKnown(bundle: Bundle, known: KnownMounts | null): Bundle {
  if (known === null) return bundle;
  const config = { ...bundle.config, mounts: known.mounts };
  return { ...bundle, config, text: formatJson(config) };
}

/** The one that is to be seen at a destination, the last of several; -1 for none. */
export function indexAt(mounts: readonly Mount[], destination: string): number {
  const wanted = `${names(destination)}`;
  return mounts.findLastIndex((one) => `${names(one.destination)}` === wanted);
}
