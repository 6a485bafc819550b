import type { Place } from "./isolate.ts";
import type { Runtime } from "./runtimes.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** Everything that a turn works with. */
export interface Course {
  readonly stopwatch: Stopwatch;
  readonly place: Place;
  readonly rootfs: string;
  /**
   * Bundles whose process ends at once or sleeps, the same with containerd's default config; and that end at once in a
   * user namespace, or with a thousand mounts.
   */
  readonly bundles: {
    readonly [name in "true" | "sleep" | "containerd" | "containerdSleep" | "userNamespace" | "many"]: string;
  };
  readonly programs: { readonly stopwatch: string; readonly empty: string; readonly floor: string };
  readonly runtimes: readonly Runtime[];
}
