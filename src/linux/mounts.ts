import type { Mount } from "../../runtime-spec/config.ts";
import type { Program } from "../agent/program.ts";
import type { Fd, StepResult } from "../kernel/call.ts";
import { openat2 } from "../kernel/calls.ts";
import { O_PATH } from "../kernel/constants.ts";
import { bindHost, bindMount } from "./bind-mounts.ts";
import { fail } from "./config-error.ts";
import { Destinations } from "./destination.ts";
import { isPlain, newMount } from "./filesystems.ts";
import { INSIDE, names } from "./inside.ts";
import { changeMount, type MountContext, type MountJob } from "./mount-job.ts";
import { isBind, readMountOptions } from "./mount-options.ts";
import type { Mounted } from "./mounted.ts";
import { ProcGuard } from "./proc-places.ts";

/** Adds the steps that make `mounts`, in their order, below `root`. @throws ConfigError */
export function addMounts(
  program: Program,
  root: Fd,
  mounts: readonly Mount[],
  context: MountContext,
): readonly Mounted[] {
  using destinations = new Destinations(context.rootfs);
  const guard = new ProcGuard();
  return mounts.map((mount, index) => {
    const where = `mounts[${index}]`;
    program.by(`config.json: ${where} (${mount.type ?? "bind"} on ${mount.destination})`);
    const path = destinations.resolve(where, mount);
    const options = readMountOptions(mount.options ?? []);
    const made = addMount({ program, root, where, mount, options, path, guard, context });
    if (path === "proc") guard.watch(program, made);
    program.ready();
    return { path: names(mount.destination), mount: made, plain: isPlain(mount.type) };
  });
}

function addMount(job: MountJob): StepResult {
  const { where, mount, options } = job;
  const { type } = mount;
  if (options.idmap !== null || mount.uidMappings !== undefined || mount.gidMappings !== undefined)
    fail(where, "id-mapped mounts are not supported yet");
  if (options.copyUp) fail(`${where}.options`, "tmpcopyup is not supported yet");
  if (options.remount) return remount(job);
  if (isBind(mount)) return bindHost(job);
  if (type === "cgroup" || type === "cgroup2") return mountCgroup(job);
  if (type === undefined || type === "" || type === "none")
    return fail(`${where}.type`, "a mount without type needs the option bind or rbind");
  return newMount(job, type);
}

/** cgroup v2: a view of its own in a new cgroup namespace, else the container's directory, read-only when asked. */
function mountCgroup(job: MountJob): StepResult {
  const { where, mount, options, context } = job;
  // The options that v1 knows (`name=`, controllers) mean nothing here; nsdelegate and others are the host's.
  if (context.newCgroupNamespace)
    return newMount(
      { ...job, mount: { ...mount, source: "cgroup2" }, options: { ...options, data: [] } },
      "cgroup2",
    );
  if (context.cgroup === null) return fail(where, "there is no cgroup to mount");
  const source = { path: context.cgroup, isDirectory: true };
  return bindMount({ ...job, options: { ...options, bind: "bind", data: [] } }, source);
}

/** Changes the mount that is at the destination already. */
function remount({ program, root, path, options }: MountJob): StepResult {
  const mount = program.add(openat2(root, path, O_PATH, INSIDE));
  changeMount(program, mount, options);
  return mount;
}
