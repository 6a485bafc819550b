import { destroy } from "../container/delete.ts";
import { wake } from "../container/start.ts";
import { waitForChild } from "../container/wait.ts";
import { createContainer } from "./creation.ts";
import type { InvocationOf } from "./parse.ts";

/**
 * `tsrun run ID`: create, start, wait; the exit status is the container's. The container is deleted afterwards
 * unless --keep is given, and at once when it cannot be started.
 */
export async function run(invocation: InvocationOf<"run">): Promise<number> {
  const { flags } = invocation;
  const { directory, saved, mailbox } = createContainer(invocation);
  try {
    wake(directory, saved.init, mailbox);
  } catch (error) {
    destroy(directory);
    throw error;
  }
  if (flags.detach) return 0;
  directory.unlock();
  const status = await waitForChild(saved.init.pid);
  directory.lock();
  if (!flags.keep) destroy(directory);
  return status;
}
