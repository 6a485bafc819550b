/** Pods as CRI-O has them: namespaces that no process keeps, its config.json, and conmon as the parent of containers. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundle, type JsonObject, type Rootfs } from "../harness/bundle.ts";
import { project, uniqueId } from "../harness/environment.ts";
import { command } from "../harness/mount.ts";
import { printed } from "./call.ts";
import { create, exec, type Monitored, type Told, tsrun } from "./conmon.ts";
import { IDS, type Pinned, pinNamespaces } from "./pinned.ts";

interface Written extends JsonObject {
  readonly process: JsonObject;
  readonly mounts: readonly (JsonObject & { readonly destination: string })[];
  readonly linux: JsonObject;
}

/** What CRI-O 1.36 wrote for a container with a read-only volume. */
const WRITTEN = JSON.parse(
  readFileSync(join(project, "test/unit/runtime-spec/configs/crio-workload.json"), "utf8"),
) as Written; // as recorded

/** Its mounts but for those of a pod's files, which these pods have none of. */
const MOUNTS = WRITTEN.mounts.filter(({ type }) => type !== "bind");

/** A volume with the options that CRI-O writes: `bind` comes last. */
export function volume(
  source: string,
  { propagation = "rprivate", access = "rw", ...more }: Volume = {},
): JsonObject {
  return {
    destination: "/mnt",
    type: "bind",
    source,
    options: ["rbind", propagation, access, "bind"],
    ...more,
  };
}

interface Volume extends JsonObject {
  readonly propagation?: "rprivate" | "rslave" | "rshared";
  readonly access?: "rw" | "ro" | "rro";
}

interface CrioContainer {
  readonly id: string;
  readonly conmon: Monitored;
  /** As `tsrun state` has it. */
  state(): { readonly status: string; readonly pid: number };
  /** By conmon, with its flags. */
  exec(args: readonly string[], ...flags: readonly string[]): Promise<Told & { readonly log: string }>;
  /** What CRI-O hands to `exec --process`. */
  processOf(args: readonly string[], fields?: JsonObject): JsonObject;
}

/** What a container has besides its arguments. */
interface Wishes {
  readonly mounts?: readonly JsonObject[];
  /** Whose PID namespace it joins. */
  readonly pid?: number;
  readonly terminal?: boolean;
  readonly rootfs?: Rootfs;
  /** Flags of conmon. */
  readonly flags?: readonly string[];
}

interface CrioPod extends Disposable {
  readonly namespaces: Pinned["namespaces"];
  /** Makes a container and starts it. */
  run(args: readonly string[], wishes?: Wishes): Promise<CrioContainer>;
  /** Makes one, or not: `conmon.told` says which. */
  create(args: readonly string[], wishes?: Wishes): Promise<CrioContainer>;
}

/** A pod; its containers are forced away at the end, and then its namespaces. */
export function crioPod({ mapped = false } = {}): CrioPod {
  const pinned = pinNamespaces({ mapped });
  const made: string[] = [];

  const createOne: CrioPod["create"] = async (args, wishes = {}) => {
    const { mounts = [], pid, terminal = false, rootfs = "busybox", flags = [] } = wishes;
    const id = uniqueId();
    const { path, rootfs: root } = bundle({}, rootfs);
    const mapping = IDS[0].hostID;
    if (mapped) command("chown", "-R", `${mapping}:${mapping}`, root);
    const process = { ...WRITTEN.process, terminal };
    const places = new Set(mounts.map(({ destination }) => destination));
    const config = {
      ...WRITTEN,
      process: { ...process, args },
      root: { path: root },
      // Those of a pod take the places of CRI-O's own.
      mounts: [...MOUNTS.filter(({ destination }) => !places.has(destination)), ...mounts],
      linux: {
        ...WRITTEN.linux,
        cgroupsPath: `/crio/crio-${id}`,
        namespaces: [
          pid === undefined ? { type: "pid" } : { type: "pid", path: `/proc/${pid}/ns/pid` },
          ...pinned.namespaces,
          { type: "mount" },
          { type: "cgroup" },
        ],
        // CRI-O writes them also beside a user namespace's path.
        ...(mapped ? { uidMappings: IDS, gidMappings: IDS } : {}),
      },
    };
    writeFileSync(join(path, "config.json"), JSON.stringify(config));
    made.push(id);
    const conmon = await create(id, path, ...(terminal ? ["-t"] : []), ...flags);
    const processOf: CrioContainer["processOf"] = (words, fields) => ({ ...process, args: words, ...fields });
    return {
      id,
      conmon,
      state: () => JSON.parse(printed(tsrun(["state", id]))),
      exec: (words, ...more) => exec(id, processOf(words), ...more),
      processOf,
    };
  };

  return {
    namespaces: pinned.namespaces,
    create: createOne,
    async run(args, wishes) {
      const container = await createOne(args, wishes);
      if (container.conmon.told.pid === -1) throw new Error(container.conmon.told.message);
      printed(tsrun(["start", container.id]));
      return container;
    },
    [Symbol.dispose]() {
      for (const id of made) printed(tsrun(["delete", "--force", id]));
      pinned[Symbol.dispose]();
    },
  };
}
