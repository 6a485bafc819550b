/** What tsrun does around the agents' programs when it makes a container, for `--dry-run`. */
import type { Config, Hooks } from "../../../runtime-spec/config.ts";
import type { Caller } from "../../agent/caller.ts";
import { execve } from "../../kernel/calls.ts";
import { writeExisting } from "../../kernel/files.ts";
import { onBehalfOf } from "../../kernel/here.ts";
import { spell } from "../../kernel/spell/spell.ts";
import { planFor } from "../../linux/cgroups/apply.ts";
import { resourceWrites } from "../../linux/cgroups/resources.ts";
import { Resctrl } from "../../linux/resctrl.ts";
import { resourceProperties } from "../../linux/systemd/resource-properties.ts";
import { applyLimits } from "../cgroup/limits.ts";
import { isOnly } from "../init/ordinary-mappings.ts";
import { writeMappings } from "../init/user-namespace.ts";
import type { SavedCgroup } from "../state/saved.ts";
import { INIT_PID, type Rehearsal } from "./rehearsal.ts";

const planOf = (mount: string, { linux }: Config) => planFor(mount, resourceWrites(linux?.resources ?? {}));

/** Has systemd move the stage into a scope. @throws UserError */
export function rehearseScope(tsrun: Rehearsal, { unit, mount }: SavedCgroup, config: Config): void {
  const limits = resourceProperties(planOf(mount, config).writes).map(([name]) => name);
  const words = ["PIDs=[STAGE]", `Slice=${JSON.stringify(unit?.slice)}`, ...limits];
  const call = `StartTransientUnit(${JSON.stringify(unit?.name)}, {${words.join(", ")}})`;
  tsrun.say("config.json: linux.cgroupsPath", `systemd: ${call}`);
}

/** The limits of a scope, which systemd has made by then. @throws UserError */
export function rehearseLimits(tsrun: Rehearsal, { mount, path }: SavedCgroup, config: Config): void {
  tsrun.act(() => applyLimits(path, tsrun.opened(path), planOf(mount, config), config));
}

/** The mappings of a new user namespace; ranges of an ordinary user's ids are written by helpers. */
export function rehearseMappings(tsrun: Rehearsal, { uid, gid }: Caller, { linux = {} }: Config): void {
  if (uid === 0) {
    tsrun.act(() => writeMappings(INIT_PID, linux, "linux"));
    return;
  }
  for (const [program, where, own] of [
    ["newgidmap", "gidMappings", gid],
    ["newuidmap", "uidMappings", uid],
  ] as const) {
    const mappings = linux[where] ?? [];
    if (isOnly(own, mappings)) {
      const deny = () => writeExisting(`/proc/${INIT_PID}/setgroups`, "deny");
      if (where === "gidMappings") tsrun.act(() => onBehalfOf("config.json: linux.gidMappings", deny));
      tsrun.act(() => writeMappings(INIT_PID, { [where]: mappings }, "linux"));
      continue;
    }
    const ids = mappings.flatMap(({ containerID, hostID, size }) => [containerID, hostID, size].map(String));
    tsrun.say(`config.json: linux.${where}`, spell(execve(program, [program, "INIT", ...ids], [])));
  }
}

/** What is moved to the container, and what its init is moved to, once the init exists. @throws UserError */
export function rehearseMoves(tsrun: Rehearsal, id: string, { linux = {} }: Config): void {
  const { intelRdt, netDevices = {} } = linux;
  if (intelRdt !== undefined) {
    const join = () => new Resctrl(id, intelRdt).join(INIT_PID);
    tsrun.act(() => onBehalfOf("config.json: linux.intelRdt", join));
  }
  for (const name of Object.keys(netDevices))
    tsrun.say(`config.json: linux.netDevices["${name}"]`, `rtnetlink: move ${name} to the network of INIT`);
}

/** The hooks of these kinds. */
export function rehearseHooks(
  tsrun: Rehearsal,
  { hooks = {} }: Config,
  ...kinds: readonly (keyof Hooks)[]
): void {
  for (const kind of kinds)
    for (const [index, { path, args = [path], env = [] }] of (hooks[kind] ?? []).entries())
      tsrun.say(`config.json: hooks.${kind}[${index}]`, spell(execve(path, args, env)));
}
