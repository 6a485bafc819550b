/** The config.json of the example bundles: whole and real, as `spec` and Kubernetes' callers write them. */
import type { Config, User } from "../runtime-spec/config.ts";
import { defaultConfig } from "../src/container/default-config.ts";

/** What distinguishes one example from another. */
interface Example {
  readonly args: readonly string[];
  readonly hostname: string;
  readonly user: User;
  readonly cwd?: string;
  /** What root may still do in the container; empty for everybody else. */
  readonly capabilities?: readonly string[];
  readonly readonlyRoot: boolean;
}

/** A complete config with namespaces of the container's own; see `joinSandbox` for a pod's containers. */
export function bundleConfig({
  args,
  hostname,
  user,
  cwd = "/",
  capabilities = [],
  readonlyRoot,
}: Example): Config {
  const base = defaultConfig();
  return {
    ...base,
    process: {
      ...base.process,
      terminal: false,
      user,
      args,
      cwd,
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    },
    root: { path: "rootfs", readonly: readonlyRoot },
    hostname,
  };
}
