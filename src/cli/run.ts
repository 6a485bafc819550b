import { destroy } from "../container/delete.ts";
import { Foreground } from "../container/foreground.ts";
import { wake } from "../container/start.ts";
import { createContainer, showSteps } from "./creation.ts";
import type { InvocationOf } from "./parse.ts";

/**
 * `tsrun run ID`: create, start, wait; the exit status is the container's. The container is deleted afterwards
 * unless --keep is given, and at once when it cannot be started.
 */
export async function run(invocation: InvocationOf<"run">): Promise<number> {
  const { flags } = invocation;
  if (flags.dryRun) return showSteps(invocation);
  const { directory, saved, mailbox } = createContainer(invocation);
  const foreground = flags.detach ? null : new Foreground(saved.init.pid);
  try {
    wake(directory, saved.init, mailbox);
  } catch (error) {
    destroy(directory);
    throw error;
  }
  if (foreground === null) return 0;
  directory.unlock();
  const status = await foreground.wait();
  directory.lock();
  if (!flags.keep) destroy(directory);
  return status;
}
