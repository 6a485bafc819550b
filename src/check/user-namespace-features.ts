/** What a bundle needs of its user namespace: mappings, proc and sysfs in there, owners of what is mounted in there. */
import type { Config } from "../../runtime-spec/config.ts";
import type { IdMapping, Linux } from "../../runtime-spec/config-linux.ts";
import { writeOrdinaryMappings } from "../container/init/ordinary-mappings.ts";
import { writeMappings } from "../container/init/user-namespace.ts";
import { CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER } from "../kernel/constants.ts";
import { ERRNO } from "../kernel/errno.ts";
import { isErrno, readTextIfThere } from "../kernel/files.ts";
import { UserError } from "../kernel/user-error.ts";
import { isBind } from "../linux/mounts/mount-options.ts";
import { isRevealing, whyTooRevealing } from "../linux/mounts/too-revealing.ts";
import type { Feature } from "./feature.ts";
import { detached, rootOfOwn } from "./isolation.ts";
import { OWN } from "./own.ts";
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

/** File systems that refuse an owner (`uid=`, `gid=`) whom their user namespace doesn't know. */
const OWNED: ReadonlySet<string> = new Set(["tmpfs", "devpts"]);

/** The owners of mounts that nobody is: each is one that can't be had. */
export function ownersOfMounts({ linux = {}, mounts = [] }: Config): readonly Feature[] {
  const user = linux.namespaces?.find(({ type }) => type === "user");
  if (user?.path) return []; // one that is joined has mappings of its own
  return mounts.flatMap(({ type = "", options = [] }, index) =>
    options.flatMap((option) => {
      const [, kind, id] = /^(uid|gid)=(\d+)$/.exec(option) ?? [];
      if (!OWNED.has(type) || (kind !== "uid" && kind !== "gid")) return [];
      const mappings = user === undefined ? ownMappings(kind) : (linux[`${kind}Mappings`] ?? []);
      return isMapped(Number(id), mappings) ? [] : [unknownOwner(option, kind, index, type)];
    }),
  );
}

function unknownOwner(option: string, kind: "uid" | "gid", index: number, type: string): Feature {
  return {
    name: `mount.${index}.${kind}`,
    title: `${type} with ${option}`,
    config: [],
    places: () => [`mounts[${index}].options`],
    probe: () => {
      throw new Forbidden(`its user namespace has no such id: leave ${option} out, or map it`);
    },
  };
}

const isMapped = (id: number, mappings: readonly Pick<IdMapping, "containerID" | "size">[]) =>
  mappings.some(({ containerID, size }) => id >= containerID && id < containerID + size);

/** The ids of the user namespace that tsrun is in (user_namespaces(7)). */
function ownMappings(kind: "uid" | "gid"): readonly Pick<IdMapping, "containerID" | "size">[] {
  const lines = readTextIfThere(`/proc/self/${kind}_map`)?.trim().split("\n") ?? [];
  return lines.map((line) => {
    const [containerID = 0, , size = 0] = line.trim().split(/\s+/).map(Number);
    return { containerID, size };
  });
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
        if (OWN.uid === 0) writeMappings(pid, linux, "linux");
        else writeOrdinaryMappings(OWN, pid, linux);
      } catch (error) {
        throw error instanceof UserError && error.property !== null ? new Forbidden(error.problem) : error;
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
