import { createContainer, showSteps } from "./creation.ts";
import type { InvocationOf } from "./parse.ts";

/** `tsrun create ID`: the container waits for `tsrun start`. */
export async function create(invocation: InvocationOf<"create">): Promise<number> {
  if (invocation.flags.dryRun) return showSteps(invocation);
  await createContainer(invocation);
  return 0;
}
