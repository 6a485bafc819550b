/** What is claimed of a node with either version of containerd. */
import type { Claim } from "./claims.ts";
import { controllers } from "./controllers.ts";
import { exec } from "./exec.ts";
import { failures } from "./failures.ts";
import { host } from "./host.ts";
import { mishaps } from "./mishaps.ts";
import { order } from "./order.ts";
import { probes } from "./probes.ts";
import { sandbox } from "./sandbox.ts";
import { security } from "./security.ts";
import { staticPods } from "./static-pods.ts";
import { volumes } from "./volumes.ts";

/** Those that take longest come first. */
export const USUAL: readonly Claim[] = [
  ...controllers,
  ...mishaps,
  ...failures,
  ...order,
  ...probes,
  ...exec,
  ...staticPods,
  ...sandbox,
  ...security,
  ...host,
  ...volumes,
];
