/** Callers of tsrun's library: processes of their own, for which one process, the test's, makes containers. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync, readlinkSync } from "node:fs";
import { MailboxFile } from "../../../src/agent/mailbox-file.ts";
import { agentImage } from "../../../src/agent/spawn.ts";
import { RemoteCaller } from "../../../src/container/caller/remote-caller.ts";
import type { CreateOptions } from "../../../src/container/create.ts";
import { Store } from "../../../src/container/state/store.ts";
import { pidfdOpen } from "../../../src/kernel/calls.ts";
import { here } from "../../../src/kernel/here.ts";
import { stateRoot } from "../../harness/environment.ts";
import { waitUntil } from "../../harness/wait.ts";

/** A process that calls tsrun, and what its standard output got. */
export interface CallerProcess extends AsyncDisposable {
  readonly caller: RemoteCaller;
  readonly process: ChildProcess;
  readonly store: Store;
  printed(): string;
}

/** Starts a process by a shell script that ends in `exec "$@"`. */
export async function callerProcess(
  script: string,
  output: string,
  options: { readonly cwd?: string; readonly env?: Record<string, string> } = {},
): Promise<CallerProcess> {
  const [mailboxes, image] = [new MailboxFile(), agentImage()];
  const stdout = openSync(output, "w");
  const process = spawn("/bin/sh", ["-c", script, "sh", "/proc/self/fd/4", "3"], {
    ...options,
    stdio: ["ignore", stdout, "inherit", mailboxes.fd, image],
  });
  for (const fd of [stdout, image]) closeSync(fd);
  const pid = process.pid ?? -1;
  await waitUntil(
    () => readlinkSync(`/proc/${pid}/exe`).includes("tsrun-agent"),
    "the caller has become an agent",
  );
  const pidfd = here(pidfdOpen(pid));
  const caller = new RemoteCaller(() => mailboxes, {
    pid,
    pidfd,
    status: readFileSync(`/proc/${pid}/status`, "utf8"),
    env: options.env ?? {},
    namespace: (file) => readlinkSync(`/proc/${pid}/ns/${file}`),
  });
  return {
    caller,
    process,
    store: new Store(stateRoot, caller),
    printed: () => readFileSync(output, "utf8"),
    async [Symbol.asyncDispose]() {
      caller[Symbol.dispose]();
      closeSync(pidfd);
      process.kill("SIGKILL");
      await once(process, "exit");
      mailboxes[Symbol.dispose]();
    },
  };
}

/** What `create` is told, unless a test says otherwise. */
export const plain = (id: string, more: Partial<CreateOptions> = {}): CreateOptions => ({
  ...{ id, pidFile: undefined, prepare: undefined, systemdCgroup: false, preservedFds: 0, gaps: [] },
  ...{
    noPivot: false,
    ownKeyring: true,
    looksFirst: true,
    rootless: false,
    console: null,
    announce: undefined,
  },
  ...{ debug: undefined, warn: () => {} },
  ...more,
});
