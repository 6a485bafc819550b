import type { Mailbox } from "../agent/mailbox.ts";
import { close, pidfdSendSignal, ppoll } from "../kernel/calls.ts";
import { POLLIN, SIGKILL } from "../kernel/constants.ts";
import { errnoWords } from "../kernel/errno.ts";
import { removeFile } from "../kernel/files.ts";
import { attempt, here } from "../kernel/here.ts";
import { beginSpan } from "../kernel/span.ts";
import { pollFd } from "../kernel/structs.ts";
import { UserError } from "../kernel/user-error.ts";
import { readable, until } from "../kernel/wait.ts";
import { DEATH_PATIENCE, destroy, endAndRemove } from "./delete.ts";
import type { Readiness } from "./foreground/notify-socket.ts";
import { parkedMailbox } from "./init/parked.ts";
import { isAlive, isZombie, openProcess } from "./state/process-info.ts";
import type { Living, Saved, SavedInit } from "./state/saved.ts";
import { MAILBOX_FILE, type StateDirectory } from "./state/state-directory.ts";
import type { Store } from "./state/store.ts";
import { requireStatus } from "./state/verbs.ts";
import { asAnnotated } from "./timeline/annotation.ts";

/**
 * Lets a created container run its program. Returns when execve(2) has succeeded and the hooks have ended; if the
 * caller waits for readiness, when the container has said that it is ready.
 * @throws UserError when it is not `created`, or the kernel refuses the program
 */
export async function start(
  store: Store,
  id: string,
  warn: (line: string) => void,
  readiness: Readiness | null,
): Promise<void> {
  using directory = store.open(id);
  await directory.lock();
  const { saved } = requireStatus("start", directory);
  await asAnnotated(saved, { verb: "start", id, caller: store.caller, warn }, async () => {
    using agent = parkedMailbox(directory, saved.init);
    try {
      if (agent === null) throw wasKilled(directory);
      await orDestroyed(directory, warn, () => beforeStart(directory, saved));
      readiness?.listen(directory);
      await wake(directory, saved, agent.parked);
      directory.unlock();
      await afterStart(directory, saved, warn);
    } catch (error) {
      await untilReaped(saved.init);
      throw error;
    }
  });
  await readiness?.forward(saved.init, saved.init.pid);
}

/** How long to wait for the parent of a dead init to reap it, in milliseconds: it may never do so. */
const REAPING_PATIENCE = 500;

/**
 * Waits until a dead init is reaped. After a failed start, callers delete the container at once: containerd refuses to,
 * and docker leaves everything behind, if the shim has not yet noticed that the init has ended.
 */
async function untilReaped({ pid, startTime }: SavedInit): Promise<void> {
  await until(() => !isZombie(pid, startTime), REAPING_PATIENCE);
}

/** Runs the startContainer hooks. @throws UserError: then the container is to be deleted */
export async function beforeStart(directory: StateDirectory, saved: Living): Promise<void> {
  if (saved.hooks === undefined) return;
  const { runStartHooks } = await import("./hooks/hooks.ts");
  await runStartHooks(directory, saved, saved.init);
}

/** The result of `steps`; when they fail, the container is deleted. */
export async function orDestroyed<T>(
  directory: StateDirectory,
  warn: (line: string) => void,
  steps: () => T | Promise<T>,
): Promise<T> {
  try {
    return await steps();
  } catch (error) {
    await destroy(directory, warn);
    throw error;
  }
}

/**
 * Runs the poststart hooks; when one fails, the container is killed and deleted (runtime.md, "Lifecycle"). It should be
 * unlocked, since hooks may act on it. @throws UserError
 */
export async function afterStart(
  directory: StateDirectory,
  saved: Saved,
  warn: (line: string) => void,
): Promise<void> {
  if (saved.hooks === undefined) return;
  const { runPoststartHooks } = await import("./hooks/hooks.ts");
  try {
    await runPoststartHooks(directory.caller, saved);
  } catch (error) {
    await endAndRemove(directory, warn);
    throw error;
  }
}

/** Posts the parked agent's last program and waits until it has become the container's. @throws UserError */
export async function wake(directory: StateDirectory, saved: Living, mailbox: Mailbox): Promise<void> {
  const { init } = saved;
  const pidfd = openProcess(init.pid);
  if (pidfd === null) throw wasKilled(directory);
  try {
    if (!isAlive(init.pid, init.startTime)) throw wasKilled(directory);
    const span = beginSpan("execution", `executes ${init.executable}`);
    mailbox.run(init.first, init.end);
    const outcome = await mailbox.outcome(() => !hasEnded(pidfd));
    span.end(outcome.kind === "failed");
    if (outcome.kind === "failed") {
      const isRefusal = outcome.step === init.end - 1;
      const why = isRefusal ? await whyRefused(mailbox.errno, saved) : errnoWords(mailbox.errno);
      // After a failed start the init ends. The container's seccomp filter, loaded by now, may forbid even waiting.
      attempt(pidfdSendSignal(pidfd, SIGKILL));
      await readable(pidfd, DEATH_PATIENCE);
      const what = isRefusal
        ? `cannot exec ${init.executable}: ${why}`
        : `cannot prepare its execution: ${why}`;
      throw new UserError("config.json: process.args[0]", what);
    }
  } finally {
    here(close(pidfd));
  }
  removeFile(MAILBOX_FILE, directory.fd);
}

async function whyRefused(errno: number, { annotations, init }: Living): Promise<string> {
  const { refusalWords } = await import("../linux/process/refusal.ts");
  return refusalWords(errno, annotations, init.pid, init.executable);
}

const wasKilled = ({ id }: StateDirectory) =>
  new UserError(`cannot start container ${id}: its init was killed`);

/** Whether the process of a pidfd has ended: it is readable then. */
function hasEnded(pidfd: number): boolean {
  return here(ppoll(pollFd(pidfd, POLLIN), 0)) > 0;
}
