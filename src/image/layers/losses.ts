/** What could not be unpacked as the image has it, and what was done instead; the user is told at the end. */
import { shown } from "../names.ts";

const WORDS = {
  device: "a device, which only root of the host can make: an empty file is there",
  owner: "owned by an id that the user namespace doesn't have: you own it",
  xattr:
    "without extended attributes (such as capabilities), which the file system or the user namespace doesn't take",
} as const;

type Loss = keyof typeof WORDS;

export class Losses {
  private readonly counts = new Map<Loss, { count: number; readonly first: string }>();

  add(loss: Loss, name: string): void {
    const known = this.counts.get(loss);
    if (known === undefined) this.counts.set(loss, { count: 1, first: name });
    else known.count += 1;
  }

  /** A line for each kind. */
  lines(): readonly string[] {
    return [...this.counts].map(([loss, { count, first }]) => {
      const more = count === 1 ? "" : ` and ${count - 1} more`;
      return `${shown(first)}${more}: ${WORDS[loss]}`;
    });
  }
}
