/**
 * The host agent: it keeps tsrun's privileges, and lives in the container's mount namespace.
 *
 *     stage ── clone3, CLONE_FILES ──▶ host agent: setns into the init's mount namespace, opens
 *       └──── clone3, CLONE_FILES ──▶ init: mounts what the host agent has opened
 *
 * In a user namespace the init has no privileges over the host's files, so it can't open a rootfs or the source of a
 * mount below a directory that only root may enter. The host agent opens them for it, in the init's mount namespace and
 * in the order of `mounts`: so a source may lie on an earlier mount, and what is read-only or covered on the host stays
 * so, as the kernel locks it there (mount_namespaces(7)). The two share one table of descriptors: what one opens, the
 * other has. The host agent ends when all is mounted, before any program of the container runs.
 *
 * Loaded only for root's containers that have a user namespace.
 */

import type { Mailbox } from "../../agent/mailbox.ts";
import type { Program } from "../../agent/program.ts";
import type { Fd, StepResult } from "../../kernel/call.ts";
import { CWD, close, openat, setns } from "../../kernel/calls.ts";
import { CLONE_NEWNS, O_RDONLY } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import type { Agent } from "./agent.ts";
import { runInit, runInitBlocking } from "./run-init.ts";

/** Moves the host agent into the mount namespace of the init `pid`, whose ids are mapped by now. @throws UserError */
export async function enterAsHost(agent: Agent, pid: number): Promise<HostAgent> {
  const { caller, init, host } = agent;
  if (host === null) throw new Error("there is no mailbox for a host agent");
  const own = init.program.by("host agent").add(openat(CWD, "/proc/self/ns/mnt", O_RDONLY));
  await runInit(caller, init, pid);
  const enter = host.program.by("host agent").add(setns(init.result(own), CLONE_NEWNS), [ERRNO.EPERM]);
  await runInit(caller, host, agent.hostPid());
  init.program.by("host agent").add(close(init.result(own)));
  return new HostAgent(agent, host, pid, host.result(enter) >= 0);
}

export class HostAgent {
  private readonly agent: Agent;
  private readonly host: Mailbox;
  private readonly pid: number;
  /** Whether it has entered: that needs CAP_SYS_CHROOT. Otherwise the init opens what it can itself. */
  private readonly entered: boolean;

  constructor(agent: Agent, host: Mailbox, pid: number, entered: boolean) {
    this.agent = agent;
    this.host = host;
    this.pid = pid;
    this.entered = entered;
  }

  /**
   * Has it open something for the init, once the init has done all that was added before. The thread blocks meanwhile:
   * the steps that need the descriptor are just being added. @throws UserError
   */
  open(add: (program: Program) => StepResult): Fd {
    const { host, pid } = this;
    const { caller, init } = this.agent;
    if (!this.entered) return add(init.program);
    runInitBlocking(caller, init, pid);
    const result = add(host.program.by(init.program.wantedBy));
    runInitBlocking(caller, host, this.agent.hostPid());
    return host.result(result);
  }

  async end(): Promise<void> {
    await this.agent.endHost();
  }
}
