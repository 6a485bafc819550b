/**
 * How a process that joins a running container takes mounts of the host along. Before it enters the container's mount
 * namespace it makes a copy of the host's, from which it opens copies of single mounts (open_tree(2)); these it can
 * attach inside. Nothing is mounted on the host, and the copy ends with the process.
 *
 * Why a copy: in the host's own mount namespace only the host's root may clone a mount. And the copy belongs to the
 * container's user namespace: what is read-only, nosuid or covered on the host stays so inside, since the kernel locks
 * it there (mount_namespaces(7)), as it does for the mounts that a container is made with.
 *
 * Loaded only for what mounts something in a running container.
 */
import type { Program } from "../../agent/program.ts";
import type { Fd, StepResult } from "../../kernel/call.ts";
import { CWD, mount, openat, setns, unshare } from "../../kernel/calls.ts";
import { CLONE_NEWNS, MS_REC, MS_SLAVE, O_RDONLY } from "../../kernel/constants.ts";
import { OF_OWN_ROOT } from "../../linux/mounts/rootfs.ts";
import type { Agent } from "./agent.ts";
import type { HostAgent } from "./host-agent.ts";

export class HostCopy {
  private readonly program: Program;
  private readonly own: StepResult;
  private readonly host: HostAgent | null;
  private entered: number | null = null;

  private constructor(program: Program, own: StepResult, host: HostAgent | null) {
    this.program = program;
    this.own = own;
    this.host = host;
  }

  /**
   * Gives an agent, which has joined the container's other namespaces, a copy of the host's mounts. Its mounts have the
   * propagation `flags` of mount(2): by default nothing propagates back to the host. @throws UserError
   */
  static async make(agent: Agent, flags = MS_REC | MS_SLAVE): Promise<HostCopy> {
    const { program } = agent.init;
    program.by("copy of the host's mounts").add(unshare(CLONE_NEWNS));
    program.add(mount("", "/", "", flags), [], OF_OWN_ROOT);
    const own = program.add(openat(CWD, "/proc/self/ns/mnt", O_RDONLY));
    const host =
      agent.host === null
        ? null
        : await (await import("./host-agent.ts")).enterAsHost(agent, await agent.waitForInit());
    return new HostCopy(program, own, host);
  }

  /** Has something of the host opened; `add` adds the steps. @throws UserError */
  open(add: (program: Program) => StepResult): Fd {
    return this.host === null ? this.openAsInit(add) : this.host.open(add);
  }

  /** The same, by the process that joins: for what proc(5) shows of its reader. */
  openAsInit(add: (program: Program) => StepResult): StepResult {
    const { program, own, entered } = this;
    if (entered === null) return add(program);
    program.add(setns(own, CLONE_NEWNS));
    const opened = add(program);
    this.goBack();
    return opened;
  }

  /** Adds the step that enters the container's mount namespace `mounts`, an agent's descriptor. */
  leaveFor(mounts: number): void {
    this.entered = mounts;
    this.goBack();
  }

  /** Adds the step that enters it again: after a failure the process may still be in the copy. */
  goBack(): void {
    if (this.entered !== null) this.program.add(setns(this.entered, CLONE_NEWNS));
  }

  /** Ends the host agent, once all was opened. */
  async end(): Promise<void> {
    await this.host?.end();
  }
}
