import type { Program } from "../../agent/program.ts";
import type { Fd } from "../../kernel/call.ts";
import { close, mountSetattr } from "../../kernel/calls.ts";
import { AT_EMPTY_PATH, MOUNT_ATTR_RDONLY } from "../../kernel/constants.ts";
import { fail } from "../../kernel/user-error.ts";
import { names } from "../inside.ts";
import { bindHost, bindHostsOwn, bindMount, hostsOwn } from "./bind-mounts.ts";
import { Destinations } from "./destination.ts";
import { isPlain, isSealedLater, newMount } from "./filesystems.ts";
import type { MountContext, MountJob } from "./mount-job.ts";
import { asksFor, isBind, notForCgroup, readMountOptions } from "./mount-options.ts";
import type { Mounted } from "./mounted.ts";
import { ProcGuard } from "./proc-places.ts";
import { remount } from "./remount.ts";

const NOTHING = {};

/** Adds the steps that make the context's mounts, in their order, below `root`. @throws UserError */
export function addMounts(program: Program, root: Fd, context: MountContext): readonly Mounted[] {
  const { mounts } = context;
  using destinations = new Destinations(context.lookedUpIn ?? context.rootfs);
  const guard = new ProcGuard(context.procfs);
  const made: Mounted[] = [];
  for (const [index, mount] of mounts.entries()) {
    const where = `mounts[${index}]`;
    program.by(`config.json: ${where} (${mount.type ?? "bind"} on ${mount.destination})`);
    const options = readMountOptions(mount.options ?? []);
    const keepsLink = asksFor(options, "copy-symlink") || asksFor(options, "dest-nofollow");
    const path = destinations.resolve(where, mount, keepsLink);
    const prepared = context.prepared?.get(index) ?? NOTHING;
    const job = { program, root, where, mount, index, options, prepared, path, guard, destinations, context };
    const result = addMount(job);
    if (result === null) continue; // a link, not a mount
    if (path === "proc") guard.watch(program, result);
    const plain = isPlain(mount.type);
    const sealed = isSealedLater(job) ? `config.json: ${where}.options` : null;
    const held = plain || sealed !== null;
    if (!held) program.add(close(result));
    program.ready();
    made.push({
      path: names(mount.destination),
      mount: held ? result : null,
      plain,
      unseals: options.remount && (options.clear & MOUNT_ATTR_RDONLY) !== 0,
      sealed,
    });
  }
  return made;
}

function addMount(job: MountJob): Fd | null {
  const { where, mount, options } = job;
  const { type } = mount;
  if (options.remount) return remount(job);
  if (isBind(mount)) return bindHost(job);
  if (type === "cgroup" || type === "cgroup2") return mountCgroup(job);
  if (type === undefined || type === "" || type === "none")
    return fail(`${where}.type`, "a mount without type needs the option bind or rbind");
  const path = hostsOwn(job);
  return path === null ? newMount(job, type) : bindHostsOwn(job, path);
}

/** Makes mounts read-only that had to stay writable while other mount points were made on them. */
export function sealMounts(program: Program, mounts: readonly Mounted[]): void {
  for (const [index, { mount, sealed, path }] of mounts.entries()) {
    const unsealed = mounts.some((later, at) => at > index && later.unseals && `${later.path}` === `${path}`);
    if (sealed === null || mount === null || unsealed) continue;
    program.by(sealed).add(mountSetattr(mount, "", AT_EMPTY_PATH, { set: MOUNT_ATTR_RDONLY }));
  }
}

/**
 * cgroup v2: a new mount in a new cgroup namespace; else a bind of the host's, so that the paths in /proc/PID/cgroup
 * are valid below it. A new mount would reset the host's options, such as nsdelegate (cgroups(7)).
 */
function mountCgroup(job: MountJob): Fd {
  const { where, mount, options, context } = job;
  const [unknown] = notForCgroup(options);
  if (unknown !== undefined)
    fail(`${where}.options`, `${JSON.stringify(unknown)} is not an option of cgroup v2, which tsrun mounts`);
  // Its own options, such as nsdelegate, apply to the whole host.
  if (context.namespaces.created.has("cgroup"))
    return newMount(
      { ...job, mount: { ...mount, source: "cgroup2" }, options: { ...options, data: [] } },
      "cgroup2",
    );
  if (context.cgroups === null) return fail(where, "this host has no cgroup v2 to mount");
  const source = { path: context.cgroups, isDirectory: true };
  return bindMount({ ...job, options: { ...options, bind: "bind", data: [] } }, source);
}
