/** What a bundle needs that makes a user namespace: its own mappings, and proc and sysfs in there. */
import type { Config } from "../../runtime-spec/config.ts";
import type { Linux } from "../../runtime-spec/config-linux.ts";
import { getuid } from "../container/caller/caller.ts";
import { writeOrdinaryMappings } from "../container/init/ordinary-mappings.ts";
import { writeMappings } from "../container/init/user-namespace.ts";
import { CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER } from "../kernel/constants.ts";
import { ERRNO } from "../kernel/errno.ts";
import { isErrno } from "../kernel/files.ts";
import { ConfigError } from "../linux/config-error.ts";
import { isBind } from "../linux/mounts/mount-options.ts";
import { isRevealing, whyTooRevealing } from "../linux/mounts/too-revealing.ts";
import type { Feature } from "./feature.ts";
import { detached, rootOfOwn } from "./isolation.ts";
import type { Subject } from "./subject.ts";
import { Forbidden } from "./verdict.ts";

/** File systems that show a namespace of the container's own. */
const SHOWING = [
  { type: "proc", namespace: "pid", flag: CLONE_NEWPID },
  { type: "sysfs", namespace: "network", flag: CLONE_NEWNET },
] as const;

/** None for a bundle that makes no user namespace. */
export function userNamespaceFeatures({ linux = {}, mounts = [] }: Config): readonly Feature[] {
  const made = (kind: string) =>
    linux.namespaces?.some(({ type, path = "" }) => type === kind && path === "") === true;
  if (!made("user")) return [];
  const shown = SHOWING.filter(({ namespace }) => made(namespace)).map(({ type, flag }): Feature => {
    const places = mounts.flatMap((mount, index) =>
      mount.type === type && !isBind(mount) ? [`mounts[${index}]`] : [],
    );
    return {
      name: `filesystem.${type}.user`,
      title: `${type} file system of a user namespace`,
      config: [],
      places: () => places,
      probe: ({ outsider }) => mountOwn(rootOfOwn(outsider).child(CLONE_NEWNS + flag), type),
    };
  });
  return [mappingsOf(linux), ...shown];
}

/** The mappings themselves: which ids may be mapped depends on who asks, and on the user namespace around. */
function mappingsOf(linux: Linux): Feature {
  return {
    name: "namespace.user.mappings",
    title: "id mappings",
    config: [],
    places: () => ["linux.uidMappings", "linux.gidMappings"],
    probe({ outsider }) {
      const { pid } = outsider.child(CLONE_NEWUSER);
      try {
        if (getuid() === 0) writeMappings(pid, linux, "linux");
        else writeOrdinaryMappings(pid, linux);
      } catch (error) {
        throw error instanceof ConfigError ? new Forbidden(error.problem) : error;
      }
    },
  };
}

/**
 * Mounts a file system in the namespaces of a process. Where the kernel lets a user namespace have no sysfs, `run` takes
 * that of the container around it (after-failure.ts).
 */
export function mountOwn(child: Subject, type: string): string | undefined {
  try {
    detached(child, type);
    return undefined;
  } catch (error) {
    const isRefused = isErrno(error, ERRNO.EPERM) && error.call.name === "fsmount" && isRevealing(type);
    if (!isRefused) throw error;
    const why = `${error.message}; ${whyTooRevealing(type)}`;
    if (type === "sysfs") return `/sys of the container around tsrun, read-only: ${why}`;
    throw new Forbidden(why);
  }
}
