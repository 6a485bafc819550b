import type { Linux } from "../../runtime-spec/config-linux.ts";
import type { Caller } from "../agent/caller.ts";
import type { Parked } from "../agent/mailbox-file.ts";
import type { Program } from "../agent/program.ts";
import { StepError } from "../agent/step-error.ts";
import { span } from "../kernel/span.ts";
import { killAll } from "../linux/cgroups/kill.ts";
import { ownDevices } from "../linux/devices/devices.ts";
import { bindSources } from "../linux/mounts/source.ts";
import { userNamespaceOf } from "../linux/namespaces.ts";
import { ReplacedStreams } from "../linux/process/null-streams.ts";
import { type Bundle, requireRootfs } from "./bundle.ts";
import type { CreateHooks } from "./hooks/hooks.ts";
import { Agent } from "./init/agent.ts";
import { layOutExecution, loadListened } from "./init/execution.ts";
import { becomeUser, leaveHost, park, setUp } from "./init/init-program.ts";
import { newMailbox } from "./init/parked.ts";
import { contextOf, type Plan, planOf } from "./init/plan.ts";
import { finishInit, runInit } from "./init/run-init.ts";
import { checkJoinedMappings, writeMappings } from "./init/user-namespace.ts";
import { type Located, locate } from "./locate.ts";
import { type Subject, setAspects } from "./process/aspects.ts";
import { firstState } from "./state/first-state.ts";
import { writePidFile } from "./state/pid-file.ts";
import { processInfo } from "./state/process-info.ts";
import type { Living, Saved, SavedInit } from "./state/saved.ts";
import type { StateDirectory } from "./state/state-directory.ts";
import { inState } from "./state/state-failure.ts";
import { stateOf } from "./state/status.ts";
import type { Store } from "./state/store.ts";
import { type Undo, undoing } from "./state/undo.ts";
import type { Console } from "./terminal/console.ts";
import { asAnnotated } from "./timeline/annotation.ts";

export interface CreateOptions {
  readonly id: string;
  readonly pidFile: string | undefined;
  /** Called once the container has its state directory, before anything else is made. */
  readonly prepare: ((directory: StateDirectory) => void) | undefined;
  /** Whether systemd makes its cgroup. */
  readonly systemdCgroup: boolean;
  /** How many descriptors after the standard streams the container keeps. */
  readonly preservedFds: number;
  /** Those of them that are closed, and must stay closed. */
  readonly gaps: readonly number[];
  /** Enters the root without pivot_root(2). */
  readonly noPivot: boolean;
  /** Whether it gets a session keyring of its own, or keeps the caller's. */
  readonly ownKeyring: boolean;
  /** Whether a process of its own looks at the rootfs and the mounts' sources first: tsrun is not to be held up there. */
  readonly looksFirst: boolean;
  /** Whether the caller may lack permission for a cgroup. */
  readonly rootless: boolean;
  /** Takes the master of the process's terminal; null if it has none. */
  readonly console: Console | null;
  /** Is told the pid of the init, once all is ready. */
  readonly announce: ((pid: number) => void) | undefined;
  /** Is told what is done, line by line; without it nothing is recorded. */
  readonly debug: ((line: string) => void) | undefined;
  /** Is told what goes wrong without making the creation fail. */
  readonly warn: (line: string) => void;
}

/** A container that waits for `start`: its init is parked with the program to execute laid out. */
export interface Created {
  readonly directory: StateDirectory;
  readonly saved: Living;
  /** To be disposed of by a caller that lives on: that gives its memory back. */
  readonly agent: Parked;
}

/**
 * Makes a container of a bundle: state, cgroup, namespaces, init, all that config.json says. Leaves nothing
 * behind when it fails. The container is locked until `directory` is disposed of.
 * @throws UserError
 */
export async function create(store: Store, bundle: Bundle, options: CreateOptions): Promise<Created> {
  const { id, debug, warn } = options;
  return asAnnotated(bundle.config, { verb: "create", id, caller: store.caller, warn }, async () => {
    if (debug === undefined) return createOrExplain(store, bundle, options);
    const { traced } = await import("./listing/trace.ts");
    return traced(debug, () => createOrExplain(store, bundle, options));
  });
}

async function createOrExplain(store: Store, bundle: Bundle, options: CreateOptions): Promise<Created> {
  try {
    return await makeWithHooks(store, bundle, options);
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    const { explained, otherwise } = await import("./after-failure.ts");
    const other = otherwise(error, bundle);
    if (other === null) throw explained(error, bundle);
    options.warn(other.warning);
    return makeWithHooks(store, other.bundle, options);
  }
}

async function makeWithHooks(store: Store, bundle: Bundle, options: CreateOptions): Promise<Created> {
  const { hooks } = bundle.config;
  if (hooks === undefined || Object.values(hooks).every((list) => list.length === 0))
    return undoing((undo) => make(store, bundle, options, null, undo));
  const { CreateHooks } = await import("./hooks/hooks.ts");
  const create = new CreateHooks(hooks);
  try {
    return await undoing((undo) => make(store, bundle, options, create, undo));
  } catch (error) {
    await create.undo(store.caller, options.warn);
    throw error;
  }
}

/**
 * The phases of a creation, in the words of runtime.md's lifecycle. The init runs its program while tsrun builds what
 * comes next; only hooks must find all done that comes before them.
 */
async function make(
  store: Store,
  given: Bundle,
  options: CreateOptions,
  hooks: CreateHooks | null,
  undo: Undo,
): Promise<Created> {
  const { caller } = store;
  const phase = <T>(name: string, act: () => T) => span("phase", name, act);
  const plan = await phase("opens what the config names", () => planOf(caller, given, options, undo));
  const located = await phase("makes state and cgroup", () => locatePlanned(store, plan, options, undo));
  const launched = phase("starts the stage", () => launch(plan, located, options, undo));
  if (options.looksFirst) {
    await phase("waits for the stage's looks", () => launched.agent.looked());
    requireRootfs(plan.bundle);
  }
  const root = await phase("lays out the container's root", () =>
    setUpRoot(plan, located, launched, options),
  );
  const leave = () => leaveHost(launched.init.program, caller, root.tree, plan.bundle, plan.enterRoot);
  if (hooks === null) leave();
  launched.init.program.ready();
  const { pid, userNamespace } = await phase("waits for the init", launched.begin);
  await giveFromHost(caller, plan, pid, undo);
  if (root.terminal !== null) await options.console?.attach(caller, launched.init, pid, root.terminal);
  if (hooks !== null) {
    await finishInit(caller, launched.init, pid);
    await phase("runs hooks", () => runHooks(hooks, located, root.subject, pid, undo));
    leave();
    await runInit(caller, launched.init, pid); // closes files, which would count for RLIMIT_NOFILE
  }
  const taken = await phase("drops privileges", () =>
    dropPrivileges(plan, launched, root.subject, pid, options),
  );
  const born = { ...taken, pid, userNamespace };
  const created = await phase("parks the init", () => parkInit(plan, located, launched, options, born, undo));
  if (plan.filter !== null)
    await loadListened(caller, launched.parked, pid, plan.filter, stateOf(created, "creating"));
  setAspects(pid, "last", root.subject);
  options.announce?.(pid);
  const agent = launched.agent.keep();
  undo.keep();
  return { directory: located.directory, saved: created, agent };
}

/** Locates the container. Where its mounts are made among its caller's, a copy covers the rootfs then. */
function locatePlanned(store: Store, plan: Plan, options: CreateOptions, undo: Undo): Promise<Located> {
  const { bundle, driver, resctrl, shared, coversRootfs } = plan;
  const groups = resctrl === null ? {} : { resctrl: resctrl.groups };
  const first = { ...firstState(store.caller, bundle, options), ...groups };
  if (shared === null || !coversRootfs) return locate(store, { bundle, driver, first }, options, undo);
  requireRootfs(bundle); // whoever looks first, it is copied before that
  const record = (located: Saved, directory: StateDirectory) => {
    const copy = shared.copyRootfs(bundle.rootfs, directory);
    const saved = { ...located, sharedRoots: copy.mounts };
    directory.write(saved);
    undo.add(() => shared.uncoverRootfs(saved, directory));
    shared.coverRootfs(bundle.rootfs, copy.tree);
    return saved;
  };
  return locate(store, { bundle, driver, first, record }, options, undo);
}

/** An init on its way. */
interface Launched extends Pick<Agent, "init" | "parked"> {
  readonly agent: Agent;
  /** Lets the init be born, if it isn't yet, and gives it its ids; from here on it runs what is added. */
  readonly begin: () => Promise<Begun>;
}

interface Begun {
  readonly pid: number;
  readonly userNamespace: string | undefined;
}

/** Starts the stage, with streams in place of those that are the host's devices. */
function startStage(
  { bundle, namespaces, hostAgent }: Plan,
  { directory, cgroup }: Located,
  { gaps, looksFirst }: CreateOptions,
  undo: Undo,
): Agent {
  const { caller } = directory;
  const { rootfs, path, config } = bundle;
  const sources = () => bindSources(config.mounts ?? [], { bundle: path });
  const streams = new ReplacedStreams(caller);
  undo.always(() => streams[Symbol.dispose]());
  if (!bundle.process.terminal)
    streams.guard(namespaces.created.has("mount") ? ownDevices(bundle.config) : () => false);
  const taking = <T>(take: () => T) => inState(directory.path, take);
  const how = {
    ...{ open: () => newMailbox(directory), taking, hasHost: hostAgent !== null },
    ...{ held: cgroup.startScope !== undefined, gaps, looks: looksFirst ? [rootfs, ...sources()] : [] },
    pass: streams.descriptors,
    prepare: (stage: Program, passed: readonly number[]) => streams.add(stage, passed),
  };
  const agent = taking(() => Agent.start(caller, namespaces, cgroup.fd, how));
  undo.add(() => agent[Symbol.asyncDispose]());
  cgroup.startScope?.(agent.stagePid);
  return agent;
}

/** Starts what becomes the init. A new user namespace must have its ids before the init runs anything. */
function launch(plan: Plan, located: Located, options: CreateOptions, undo: Undo): Launched {
  const { bundle, namespaces, landlock } = plan;
  const { directory, cgroup } = located;
  const agent = startStage(plan, located, options, undo);
  const { init, parked } = agent;
  for (const note of [...cgroup.notes, ...(landlock?.notes ?? [])]) options.debug?.(note);
  if (landlock?.warning) options.warn(landlock.warning);
  const stream = () => {
    init.program.onReady = () => init.post();
    init.post();
  };
  if (!namespaces.created.has("user")) stream();
  let begun: Promise<Begun> | null = null;
  const begin = async () => {
    await cgroup.waitForScope?.();
    agent.release();
    const pid = await agent.waitForInit();
    const userNamespace = userNamespaceOf(directory.caller, pid, namespaces);
    if (namespaces.created.has("user")) await mapIds(directory.caller, pid, bundle.config.linux ?? {});
    else if (namespaces.joins.some(({ type }) => type === "user"))
      checkJoinedMappings(pid, bundle.config.linux ?? {});
    stream();
    cgroup.applyLimits();
    return { pid, userNamespace };
  };
  return {
    ...{ agent, init, parked },
    begin: () => {
      begun ??= begin();
      return begun;
    },
  };
}

/** Adds what makes the container's surroundings: namespaces, mounts, devices, its terminal. */
async function setUpRoot(
  plan: Plan,
  { saved: { keyring } }: Located,
  { agent, init, begin }: Launched,
  { warn }: CreateOptions,
) {
  const { hostAgent } = plan;
  const host = hostAgent === null ? null : await hostAgent.enterAsHost(agent, (await begin()).pid);
  const context = contextOf(agent.caller, plan, { keyring, host, warn });
  const opened = setUp(init.program, context);
  await host?.end();
  return { ...opened, subject: context.subject };
}

/** Gives the new init what only the host can give: its groups in resctrl, network devices. */
async function giveFromHost(
  caller: Caller,
  { bundle, resctrl }: Plan,
  pid: number,
  undo: Undo,
): Promise<void> {
  const { netDevices } = bundle.config.linux ?? {};
  if (resctrl !== null) {
    undo.add(() => resctrl.leave());
    resctrl.join(pid);
  }
  if (netDevices === undefined) return;
  const devices = await (await import("./init/net-devices.ts")).moveNetDevices(caller, pid, netDevices);
  undo.always(() => devices.close());
  undo.add(() => devices.giveBack());
}

async function runHooks(
  hooks: CreateHooks,
  { directory, saved, cgroup }: Located,
  { hasUserNamespace, unprivileged }: Subject,
  pid: number,
  undo: Undo,
): Promise<void> {
  const { path } = cgroup.saved ?? {};
  if (path !== undefined) undo.add(() => killAll(path)); // what a hook may have left in there
  undo.add(() => directory.caller.pass([])); // fails without a caller to run poststop hooks: they are for `delete`
  await hooks.run({ directory, saved, pid, hasUserNamespace, unprivileged });
}

type Taken = ReturnType<typeof becomeUser>;

/** Makes the init the container's user; from here on it can do no more than the container. */
async function dropPrivileges(
  { bundle }: Plan,
  { init, parked }: Launched,
  subject: Subject,
  pid: number,
  { preservedFds }: CreateOptions,
): Promise<Taken & Pick<SavedInit, "startTime">> {
  const uidMappings = subject.unprivileged === null ? (bundle.config.linux?.uidMappings ?? []) : [];
  const taken = becomeUser(init.program, subject, { preservedFds, uidMappings });
  init.program.move(parked.agentAddress);
  await finishInit(subject.caller, init, pid); // of what was posted before
  // Set earlier, these limits might hinder tsrun; set after the change of user, they might be refused.
  setAspects(pid, "outside", subject);
  init.post();
  const { startTime } = processInfo(pid) ?? { startTime: 0 };
  await finishInit(subject.caller, init, pid);
  return { ...taken, startTime };
}

/** Lays out the execution, and lets the init wait for it in as little memory as possible. */
async function parkInit(
  { bundle, filter, namespaces }: Plan,
  { directory, saved }: Located,
  { init, parked }: Launched,
  { pidFile, preservedFds }: CreateOptions,
  { executable, home, pid, startTime, userNamespace }: Taken & Begun & Pick<SavedInit, "startTime">,
  undo: Undo,
): Promise<Created["saved"]> {
  const path = executable.choose((step) => init.result(step));
  const { args } = bundle.process;
  const execution = { path, args, env: home.environment(init), preservedFds, filter };
  const range = layOutExecution(parked, execution);
  const ownsPidNamespace = namespaces.created.has("pid");
  const created = {
    ...saved,
    init: {
      ...{ pid, startTime, ...range, executable: path, ownsPidNamespace },
      ...(userNamespace === undefined ? {} : { userNamespace }),
    },
  };
  directory.write(created);
  if (pidFile !== undefined) writePidFile(directory.caller, pidFile, pid, undo);
  park(parked, preservedFds, filter);
  await runInit(directory.caller, parked, pid);
  return created;
}

/** Writes the mappings of the container's user namespace, in the way that the caller may. @throws UserError */
async function mapIds(caller: Caller, pid: number, linux: Linux): Promise<void> {
  if (caller.uid === 0) writeMappings(pid, linux, "linux");
  else (await import("./init/ordinary-mappings.ts")).writeOrdinaryMappings(caller, pid, linux);
}
