/** Looked at only when an init's program has found no room. */
import { ConfigError } from "../../linux/config-error.ts";
import { Destinations } from "../../linux/mounts/destination.ts";
import type { Bundle } from "../bundle.ts";

/**
 * Why a mailbox that has room for all that config.json says was too small: links of the image lead a mount along a path
 * that is much longer. Null when none does.
 */
export function longLink({ config: { mounts = [] }, rootfs }: Bundle): ConfigError | null {
  using destinations = new Destinations(rootfs);
  let found: ConfigError | null = null;
  let longest = 0;
  for (const [index, mount] of mounts.entries()) {
    const { destination } = mount;
    const place = `mounts[${index}]`;
    const added = destinations.resolve(place, mount).length - destination.length;
    if (added <= longest) continue;
    longest = added;
    found = new ConfigError(
      `${place}.destination`,
      `${destination} leads through symbolic links of the image that are too long: ${added} bytes more than are written here`,
    );
  }
  return found;
}
