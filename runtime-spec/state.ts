/** `state` (runtime.md, "State"): what a runtime tells hooks and callers about a container. */

/** The version of the runtime-spec that this model describes. */
export const OCI_VERSION = "1.3.0";

export type Status = "creating" | "created" | "running" | "stopped";

export interface State {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: Status;
  /** Of the container's init in the caller's pid namespace; required when created or running. */
  readonly pid?: number;
  readonly bundle: string;
  readonly annotations?: { readonly [key: string]: string };
}
