import type { CopyUp, Owners } from "./copy-up.ts";

/** What tsrun prepares for one of `mounts` before the init is born; few mounts need it. */
export interface PreparedMount {
  /** The descriptor of the user namespace for an id-mapped mount, which the init inherits. */
  readonly userns?: number;
  /** What `tmpcopyup` copies; `add` adds the steps. */
  readonly copy?: {
    readonly content: CopyUp;
    readonly owners: Owners;
    readonly add: typeof import("./copy-up.ts").addCopy;
  };
}
