import { createContainer } from "./creation.ts";
import type { InvocationOf } from "./parse.ts";

/** `tsrun create ID`: the container waits for `tsrun start`. */
export function create(invocation: InvocationOf<"create">): number {
  createContainer(invocation);
  return 0;
}
