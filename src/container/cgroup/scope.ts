/**
 * Cgroups made by systemd: a transient scope for each container. systemd moves the stage into it, and the init is born
 * there. Limits are passed to systemd as properties, so that it does not set other values later. Exact values, and
 * limits for which systemd has no property, are written to the cgroup's files, which are delegated (Delegate=).
 */

import type { Config } from "../../../runtime-spec/config.ts";
import type { Resources } from "../../../runtime-spec/config-linux.ts";
import type { Caller } from "../../agent/caller.ts";
import { CWD, close, openat } from "../../kernel/calls.ts";
import { O_DIRECTORY, O_PATH } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { isErrno } from "../../kernel/files.ts";
import { here } from "../../kernel/here.ts";
import { type Begun, beginSpan } from "../../kernel/span.ts";
import { UserError } from "../../kernel/user-error.ts";
import { applyWrites, planFor, type ResourcePlan } from "../../linux/cgroups/apply.ts";
import { enableControllers } from "../../linux/cgroups/controllers.ts";
import { refuseUnfit } from "../../linux/cgroups/create.ts";
import { containerDeviceRules } from "../../linux/cgroups/device-rules.ts";
import { unifiedMount } from "../../linux/cgroups/hierarchy.ts";
import { removeCgroup } from "../../linux/cgroups/remove.ts";
import { resourceWrites } from "../../linux/cgroups/resources.ts";
import { applyAllOrNone } from "../../linux/cgroups/restore.ts";
import { annotatedProperties } from "../../linux/systemd/annotated-properties.ts";
import { deviceProperties } from "../../linux/systemd/device-properties.ts";
import { Manager, type Starting, UnitTakenError } from "../../linux/systemd/manager.ts";
import { resourceProperties } from "../../linux/systemd/resource-properties.ts";
import { ownManager } from "../../linux/systemd/sockets.ts";
import { unitPlace } from "../../linux/systemd/unit-name.ts";
import { property, type UnitProperty } from "../../linux/systemd/unit-property.ts";
import type { SavedCgroup, SavedUnit } from "../state/saved.ts";
import type { CgroupDriver, NewCgroup } from "./driver.ts";
import { applyLimits, notesOf, withoutDeviceProgram } from "./limits.ts";

/** Cgroups that are units of the systemd that this caller reaches. */
export const scopesFor = (caller: Caller): CgroupDriver => ({
  locate: (id, config) => locate(caller, id, config),
  create: (saved, config) => create(caller, saved, config),
  change: (saved, resources) => change(caller, saved, resources),
  remove: (saved) => remove(caller, saved),
});

async function locate(caller: Caller, id: string, config: Config): Promise<SavedCgroup> {
  const manager = ownManager(caller);
  const usualSlice = manager === "system" ? "system.slice" : "user.slice";
  const { unit, slice, cgroup } = unitPlace(config.linux?.cgroupsPath, id, usualSlice);
  const mount = unifiedMount();
  const path = `${mount}${manager === "user" ? await userCgroup(caller) : ""}${cgroup}`;
  refuseUnfit(path);
  return { mount, path, unit: { name: unit, slice, manager } };
}

/** The cgroup that the user's systemd may make others in. */
async function userCgroup(caller: Caller): Promise<string> {
  using manager = await Manager.reach(caller, "user");
  return await manager.text("ControlGroup");
}

async function create(caller: Caller, saved: SavedCgroup, config: Config): Promise<NewCgroup> {
  const unit = unitOf(saved);
  const resources = config.linux?.resources ?? {};
  const plan = planFor(saved.mount, resourceWrites(resources));
  const annotated = annotatedProperties(config.annotations);
  const manager = await Manager.reach(caller, unit.manager);
  const properties = [
    ...ordinaryProperties(config, unit),
    ...annotated,
    ...(unit.manager === "system" ? deviceProperties(deviceRules(config)) : []),
    ...(await limits(manager, plan)),
  ];
  return new Scope({ caller, saved, unit, plan, properties, annotated, config, manager });
}

/** Has the user's systemd move a process into a container's cgroup, or one below it. @throws UserError */
export async function moveIntoScope(
  caller: Caller,
  saved: SavedCgroup,
  directory: string,
  process: number,
): Promise<void> {
  const { name, manager: kind } = unitOf(saved);
  using manager = await Manager.reach(caller, kind);
  const isInside = `${directory}/`.startsWith(`${saved.path}/`); // its init may have been moved to another's
  await manager.attach(name, isInside ? directory.slice(saved.path.length) : "", process);
}

interface Plan {
  readonly caller: Caller;
  readonly saved: SavedCgroup;
  readonly unit: SavedUnit;
  readonly plan: ResourcePlan;
  readonly properties: readonly UnitProperty[];
  /** The properties among them that come from annotations of the config. */
  readonly annotated: readonly UnitProperty[];
  readonly config: Config;
  readonly manager: Manager;
}

class Scope implements NewCgroup {
  readonly fd = null;
  private readonly made: Plan;
  private starting: Starting | null = null;
  /** systemd's job. */
  private job: Begun | null = null;
  private directory: number | null = null;

  constructor(made: Plan) {
    this.made = made;
  }

  get saved(): SavedCgroup {
    return this.made.saved;
  }

  get notes(): readonly string[] {
    return notesOf(this.made.plan);
  }

  startScope(process: number): void {
    const { manager, unit, properties } = this.made;
    this.job = beginSpan("other", `systemd makes ${unit.name}`);
    this.starting = manager.start(unit.name, process, properties);
  }

  async waitForScope(): Promise<void> {
    if (this.starting === null) return;
    const { manager, saved, unit, plan, annotated } = this.made;
    try {
      await manager.started(this.starting);
      this.job?.end();
    } catch (error) {
      this.job?.end(true);
      if (error instanceof UnitTakenError) this.starting = null; // another's: nothing to take back
      throw error instanceof UserError ? withAnnotations(error, annotated) : error;
    }
    this.directory = openScope(saved, unit);
    enableControllers(saved.mount, saved.path, plan.required);
  }

  applyLimits(): void {
    const { saved, unit, plan, config } = this.made;
    const { directory } = this;
    if (directory === null) return;
    const apply = () => applyLimits(saved.path, directory, plan, config);
    if (unit.manager === "user") withoutDeviceProgram(apply);
    else apply();
  }

  async remove(): Promise<void> {
    if (this.starting !== null) await remove(this.made.caller, this.made.saved);
  }

  close(): void {
    this.made.manager[Symbol.dispose]();
    if (this.directory !== null) here(close(this.directory));
    this.directory = null;
  }
}

function ordinaryProperties(config: Config, { name, slice }: SavedUnit): readonly UnitProperty[] {
  const description = config.hostname ? `container ${config.hostname} (${name})` : `container ${name}`;
  return [
    property("Description", "s", description),
    property("Slice", "s", slice),
    property("DefaultDependencies", "b", false),
    property("Delegate", "b", true),
    ...["CPU", "Memory", "IO", "Tasks"].map((kind) => property(`${kind}Accounting`, "b", true)),
  ];
}

/** systemd does not say which property it rejects. */
function withAnnotations(error: UserError, annotated: readonly UnitProperty[]): UserError {
  if (annotated.length === 0) return error;
  const names = annotated.map(([name, { signature }]) => `${name} (type ${signature})`).join(", ");
  return new UserError(`${error.message}; the config's annotations give it ${names}`);
}

/** Opens the scope's cgroup. A systemd that does not use cgroup v2 has made it elsewhere. @throws UserError */
function openScope({ path }: SavedCgroup, { name }: SavedUnit): number {
  try {
    return here(openat(CWD, path, O_PATH | O_DIRECTORY));
  } catch (error) {
    if (!isErrno(error, ERRNO.ENOENT)) throw error;
    throw new UserError(
      `systemd made the unit ${name}, but not the cgroup ${path}: tsrun needs systemd on cgroup v2 (systemd.unified_cgroup_hierarchy=1)`,
    );
  }
}

function deviceRules({ linux }: Config) {
  return containerDeviceRules(linux?.resources?.devices, linux?.devices);
}

/** systemd 252 is the first that knows CPUWeight=idle. */
const KNOWS_IDLE = 252;

async function limits(manager: Manager, plan: ResourcePlan): Promise<readonly UnitProperty[]> {
  const properties = resourceProperties(plan.writes);
  const isIdle = ([name, { value }]: UnitProperty) => name === "CPUWeight" && value === 0n;
  if (!properties.some(isIdle) || (await manager.version()) >= KNOWS_IDLE) return properties;
  return properties.filter((one) => !isIdle(one));
}

/** Writes to the cgroup, then tells systemd; as systemd rounds the values, the cgroup is written once more. */
async function change(caller: Caller, saved: SavedCgroup, resources: Resources): Promise<void> {
  const { mount, path } = saved;
  const { name, manager: kind } = unitOf(saved);
  const plan = planFor(mount, resourceWrites(resources));
  enableControllers(mount, path, plan.required);
  applyAllOrNone(path, plan.writes);
  using manager = await Manager.reach(caller, kind);
  const properties = await limits(manager, plan);
  if (properties.length > 0) await manager.change(name, properties);
  applyWrites(
    path,
    plan.writes.map(({ mustExceed: _, ...write }) => write),
  );
}

/** systemd removes a scope when its processes have ended, but keeps a failed one until it is reset. */
async function remove(caller: Caller, saved: SavedCgroup): Promise<void> {
  const { name, manager: kind } = unitOf(saved);
  try {
    using manager = await Manager.reach(caller, kind);
    await manager.stop(name);
  } catch (error) {
    // If systemd can't be reached the cgroup is removed below, and systemd then drops the unit.
    if (!(error instanceof UserError)) throw error;
  }
  await removeCgroup(saved.mount, saved.path);
}

function unitOf({ unit, path }: SavedCgroup): SavedUnit {
  if (unit === undefined) throw new Error(`the cgroup ${path} is not systemd's`);
  return unit;
}
