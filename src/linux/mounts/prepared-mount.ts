import type { CopyUp, Owners } from "./copy-up.ts";

/** What tsrun has made or found out for one of `mounts` before the init is born; few mounts need any. */
export interface PreparedMount {
  /** A user namespace by which the mount is id-mapped: its descriptor, which the init inherits. */
  readonly userns?: number;
  /** What `tmpcopyup` copies; `add` adds the steps. */
  readonly copy?: {
    readonly content: CopyUp;
    readonly owners: Owners;
    readonly add: typeof import("./copy-up.ts").addCopy;
  };
}
