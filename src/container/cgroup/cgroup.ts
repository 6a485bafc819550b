/** Containers' cgroups as tsrun makes them itself, and the choice between that and systemd. */
import type { Config } from "../../../runtime-spec/config.ts";
import type { Caller } from "../../agent/caller.ts";
import { close } from "../../kernel/calls.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { isErrno } from "../../kernel/files.ts";
import { here } from "../../kernel/here.ts";
import { fail } from "../../kernel/user-error.ts";
import { planFor } from "../../linux/cgroups/apply.ts";
import { enableControllers } from "../../linux/cgroups/controllers.ts";
import { createCgroup, namingCgroup, refuseUnfit } from "../../linux/cgroups/create.ts";
import { unifiedMount } from "../../linux/cgroups/hierarchy.ts";
import { cgroupDirectory } from "../../linux/cgroups/path.ts";
import { removeCgroup } from "../../linux/cgroups/remove.ts";
import { resourceWrites } from "../../linux/cgroups/resources.ts";
import type { SavedCgroup } from "../state/saved.ts";
import type { CgroupDriver, NewCgroup } from "./driver.ts";
import { applyLimits, notesOf, withoutDeviceProgram } from "./limits.ts";

/** Cgroups that tsrun makes itself, for this caller. */
const ownFor = (caller: Caller): CgroupDriver => ({
  locate(id, config) {
    const mount = unifiedMount();
    const path = cgroupDirectory(caller, mount, config.linux?.cgroupsPath, id);
    refuseUnfit(path);
    return { mount, path };
  },
  create: (saved, config) => namingCgroup(saved.path, () => makeCgroup(saved, config)),
  async change({ mount, path }, resources) {
    const { applyAllOrNone } = await import("../../linux/cgroups/restore.ts");
    const plan = planFor(mount, resourceWrites(resources));
    enableControllers(mount, path, plan.required);
    applyAllOrNone(path, plan.writes);
  },
  remove: ({ mount, path }) => removeCgroup(mount, path),
});

/** An ordinary user's cgroups. */
const permittedFor = (caller: Caller): CgroupDriver => ({
  ...ownFor(caller),
  create: (saved, config) => namingCgroup(saved.path, () => makePermittedCgroup(saved, config)),
});

/** How a container gets its cgroup; systemd's part is loaded only on demand. */
export async function cgroupDriver(
  caller: Caller,
  systemd: boolean,
  rootless = false,
): Promise<CgroupDriver> {
  if (systemd) return (await import("./scope.ts")).scopesFor(caller);
  return rootless ? permittedFor(caller) : ownFor(caller);
}

function makeCgroup({ mount, path }: SavedCgroup, config: Config): NewCgroup {
  const resources = config.linux?.resources ?? {};
  const plan = planFor(mount, resourceWrites(resources));
  const fd = createCgroup(mount, path, plan.required);
  return {
    saved: { mount, path },
    fd,
    notes: notesOf(plan),
    applyLimits: () => applyLimits(path, fd, plan, config),
    remove: () => removeCgroup(mount, path),
    close: () => void here(close(fd)),
  };
}

/**
 * The same for an ordinary user, who may make cgroups only below a delegated one (cgroups(7)). Without permission, a
 * container that asks for neither limits nor a path has no cgroup of its own. @throws UserError
 */
function makePermittedCgroup(saved: SavedCgroup, config: Config): NewCgroup {
  try {
    const cgroup = makeCgroup(saved, config);
    return { ...cgroup, applyLimits: () => withoutDeviceProgram(cgroup.applyLimits) };
  } catch (error) {
    if (!isErrno(error, ERRNO.EACCES, ERRNO.EPERM, ERRNO.EROFS)) throw error;
    const { resources = {}, cgroupsPath } = config.linux ?? {};
    const delegated = "in a cgroup that was delegated to you (systemd-run --user --scope -p Delegate=yes)";
    if (cgroupsPath)
      fail(
        "linux.cgroupsPath",
        `there is no permission to make the cgroup ${saved.path}: name one ${delegated}`,
      );
    const [limit] = planFor(saved.mount, resourceWrites(resources)).writes;
    if (limit !== undefined)
      fail(
        limit.where,
        `limits need a cgroup, and there is no permission for one: name a cgroupsPath ${delegated}`,
      );
    const notes = ["the container has no cgroup: there is no permission for one"];
    return { saved: null, fd: null, notes, applyLimits: () => {}, remove: async () => {}, close: () => {} };
  }
}
