/** Loaded only when an init's program did not fit into its mailbox. */
import { inConfig, type UserError } from "../../kernel/user-error.ts";
import { Destinations } from "../../linux/mounts/destination.ts";
import type { Bundle } from "../bundle.ts";

/**
 * Explains why a mailbox sized for config.json was too small: a symbolic link of the image leads a mount to a much
 * longer path. Null when none does.
 */
export function longLink({ config: { mounts = [] }, rootfs }: Bundle): UserError | null {
  using destinations = new Destinations(rootfs);
  let found: UserError | null = null;
  let longest = 0;
  for (const [index, mount] of mounts.entries()) {
    const { destination } = mount;
    const place = `mounts[${index}]`;
    const added = destinations.resolve(place, mount).length - destination.length;
    if (added <= longest) continue;
    longest = added;
    found = inConfig(
      `${place}.destination`,
      `${destination} leads through symbolic links of the image that are too long: ${added} bytes more than are written here`,
    );
  }
  return found;
}
