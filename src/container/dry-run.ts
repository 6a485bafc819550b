import type { Caller } from "../agent/caller.ts";
import { dieWithTsrun } from "../agent/life.ts";
import { MailboxFile } from "../agent/mailbox-file.ts";
import type { Program } from "../agent/program.ts";
import { CWD, close, openat, setns } from "../kernel/calls.ts";
import { CLONE_FILES, CLONE_NEWNS, O_RDONLY } from "../kernel/constants.ts";
import { ERRNO } from "../kernel/errno.ts";
import { landlockOf } from "../linux/landlock/annotation.ts";
import type { Landlock } from "../linux/landlock/confinement.ts";
import { moveRootOf } from "../linux/mounts/move-root.ts";
import { changeRoot, pivot } from "../linux/mounts/rootfs.ts";
import { closeNamespaces, type NamespacePlan, openNamespaces } from "../linux/namespaces.ts";
import { keyringName } from "../linux/process/keyring.ts";
import { labelsOf, withMountLabel } from "../linux/process/labels.ts";
import * as scheduling from "../linux/process/scheduling.ts";
import { filterFor, type SeccompFilter } from "../linux/seccomp/filter.ts";
import { loadFilter } from "../linux/seccomp/load.ts";
import type { Bundle } from "./bundle.ts";
import type { CgroupDriver } from "./cgroup/driver.ts";
import { layOutExecution } from "./init/execution.ts";
import { becomeUser, leaveHost, park, setUp } from "./init/init-program.ts";
import { contextOf, needsHostAgent } from "./init/plan.ts";
import { type PreparedMounts, prepareMounts } from "./init/prepared-mounts.ts";
import { mountsInShared } from "./init/shared-mounts.ts";
import { addClone, addEntry, addJoins } from "./init/stage-program.ts";
import { consequences, type Deed, listed, stepText } from "./listing/listing.ts";
import { INIT_PID, Rehearsal } from "./listing/rehearsal.ts";
import {
  rehearseHooks,
  rehearseLimits,
  rehearseMappings,
  rehearseMoves,
  rehearseScope,
} from "./listing/rehearsed.ts";
import { type Subject, setAspects } from "./process/aspects.ts";

/** The flags of `create` that change the init's program. */
interface DryRunFlags {
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  readonly preserveFds: number;
}

/**
 * What `create` and `start` would do: a line for each step, below the actor and the property. Nothing is made. What
 * reading alone can show to be wrong is an error, as in `create`. @throws UserError
 */
export async function dryRun(...creation: Parameters<typeof rehearse>): Promise<readonly string[]> {
  return [...listed(await rehearse(...creation))];
}

/** The same as data. @throws UserError */
export async function rehearse(
  caller: Caller,
  id: string,
  bundle: Bundle,
  driver: Pick<CgroupDriver, "locate" | "create">,
  flags: DryRunFlags,
): Promise<readonly Deed[]> {
  const { seccomp } = bundle.config.linux ?? {};
  const filter = seccomp === undefined ? null : new Rehearsal().act(() => filterFor(caller, seccomp));
  const namespaces = openNamespaces(caller, bundle.config);
  const landlock = await landlockOf(bundle.config.annotations, bundle.process, {
    ...{ preservedFds: flags.preserveFds, joins: false },
  });
  using prepared = await prepareMounts(caller, bundle, namespaces);
  using boxes = new MailboxFile({ hasHost: needsHostAgent(caller, namespaces) });
  try {
    const run = new DryRun(caller, id, bundle, { namespaces, prepared, filter, landlock, boxes });
    await run.launch(driver);
    const subject = run.setUp(flags);
    run.becomeProcess(subject, flags.preserveFds);
    run.start(subject, flags.preserveFds);
    return run.deeds;
  } finally {
    closeNamespaces(namespaces);
  }
}

/** What is opened for a dry run. */
interface Opened {
  readonly namespaces: NamespacePlan;
  readonly prepared: PreparedMounts;
  readonly filter: SeccompFilter | null;
  readonly landlock: Landlock | null;
  /** Mailboxes that no agent will serve. */
  readonly boxes: MailboxFile;
}

class DryRun {
  private readonly caller: Caller;
  private readonly id: string;
  private readonly bundle: Bundle;
  private readonly opened: Opened;
  private readonly boxes: MailboxFile;
  private readonly tsrun = new Rehearsal();
  /** How many steps of each program are among the deeds. */
  private readonly taken = new Map<Program, number>();

  constructor(caller: Caller, id: string, bundle: Bundle, opened: Opened) {
    this.caller = caller;
    this.id = id;
    this.bundle = bundle;
    this.opened = opened;
    this.boxes = opened.boxes;
  }

  get deeds(): readonly Deed[] {
    return this.tsrun.deeds;
  }

  /** The cgroup, the stage, the init's birth. */
  async launch(driver: Parameters<typeof rehearse>[3]): Promise<void> {
    const { config } = this.bundle;
    const { namespaces } = this.opened;
    const { stage, init, host } = this.boxes;
    const saved = await driver.locate(this.id, config);
    // tsrun's own driver makes it at once.
    const cgroup = saved.unit === undefined ? await this.tsrun.act(() => driver.create(saved, config)) : null;
    addEntry(this.caller, stage.program, namespaces, host);
    if (saved.unit !== undefined) {
      this.take("stage", stage.program); // it waits until systemd has moved it
      rehearseScope(this.tsrun, saved, config);
    }
    addClone(
      stage.program,
      namespaces,
      cgroup?.fd ?? null,
      init.agentAddress,
      host === null ? 0 : CLONE_FILES,
    );
    this.take("stage", stage.program);
    if (namespaces.created.has("user")) rehearseMappings(this.tsrun, this.caller, config);
    if (cgroup === null) rehearseLimits(this.tsrun, saved, config);
    else this.tsrun.act(() => cgroup.applyLimits());
    dieWithTsrun(init.program.by("container's init"));
    addJoins(this.caller, init.program, namespaces, true);
  }

  /** What the init mounts and sets, and the hooks of `create`. */
  setUp({ noPivot, noNewKeyring }: DryRunFlags): Subject {
    const { bundle, caller } = this;
    const { namespaces, landlock, prepared } = this.opened;
    const { init } = this.boxes;
    using labels = labelsOf(caller, bundle.process);
    const coversRootfs = !namespaces.created.has("mount") && mountsInShared(bundle.config);
    const keyring = noNewKeyring ? null : keyringName(this.id);
    const labelled = { ...bundle, config: withMountLabel(bundle.config) };
    const plan = { bundle: labelled, namespaces, labels, landlock, prepared, scheduling, coversRootfs };
    const context = contextOf(caller, plan, { keyring, host: this.host(), warn: () => {} });
    const { tree } = setUp(init.program, context);
    this.take("init", init.program);
    rehearseMoves(this.tsrun, this.id, bundle.config);
    rehearseHooks(this.tsrun, bundle.config, "prestart", "createRuntime", "createContainer");
    const enter = noPivot ? moveRootOf(bundle.rootfs) : pivot;
    leaveHost(init.program, caller, tree, bundle, coversRootfs ? changeRoot : enter);
    return context.subject;
  }

  /** Opens what the init may not open, in the order of the steps. */
  private host() {
    const { init, host } = this.boxes;
    if (host === null) return null;
    const own = init.program.by("host agent").add(openat(CWD, "/proc/self/ns/mnt", O_RDONLY));
    this.take("init", init.program);
    dieWithTsrun(host.program.by("host agent"));
    host.program.add(setns(this.tsrun.opened("/proc/INIT/ns/mnt"), CLONE_NEWNS), [ERRNO.EPERM]);
    this.take("host agent", host.program);
    init.program.add(close(own));
    return {
      open: (add: (program: Program) => { readonly step: number }): number => {
        this.take("init", init.program);
        host.program.by(init.program.wantedBy);
        const { step } = add(host.program);
        this.take("host agent", host.program);
        const path = host.program.steps[step]?.call.args.find((argument) => typeof argument === "string");
        return this.tsrun.opened(typeof path === "string" ? path : "");
      },
    };
  }

  /** Its identity, and what tsrun sets from outside. */
  becomeProcess(subject: Subject, preservedFds: number): void {
    const { init, parked } = this.boxes;
    becomeUser(init.program, subject, { preservedFds, uidMappings: [] }); // a dry run gives no stream away
    this.take("init", init.program);
    this.tsrun.act(() => setAspects(INIT_PID, "outside", subject));
    park(parked, preservedFds, this.opened.filter);
    this.take("init", parked.program, init.program.steps.length);
  }

  /** `start`: the hooks, the filter, the program. */
  start(subject: Subject, preservedFds: number): void {
    const { config, process } = this.bundle;
    const { filter } = this.opened;
    const { init, parked } = this.boxes;
    if (filter?.listener) {
      loadFilter(parked, filter);
      this.tsrun.say(
        "config.json: linux.seccomp.listenerPath",
        `send the filter's listener to ${filter.listener.path}`,
      );
    }
    this.tsrun.act(() => setAspects(INIT_PID, "last", subject));
    rehearseHooks(this.tsrun, config, "startContainer");
    const [program = ""] = process.args;
    const { args, env = [] } = process;
    layOutExecution(parked, { path: program, args, env, preservedFds, filter });
    this.take("init", parked.program, init.program.steps.length);
    rehearseHooks(this.tsrun, config, "poststart");
  }

  /** Adds the steps of a program that are new to the deeds; their numbers begin at `first`. */
  private take(by: Deed["by"], program: Program, first = 0): void {
    const { steps } = program;
    for (let index = this.taken.get(program) ?? 0; index < steps.length; index++) {
      const step = steps[index];
      if (step === undefined) continue;
      const text = `${stepText(first + index, step)}${consequences(first + index, step)}`;
      this.tsrun.deeds.push({ by, owner: step.owner, text: this.tsrun.named(text) });
    }
    this.taken.set(program, steps.length);
  }
}
