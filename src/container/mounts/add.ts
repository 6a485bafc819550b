/**
 * `mounts add`: mounts for a container that runs, made as those of config.json are when it is created. Their sources
 * are opened in a copy of the host's mounts (host-copy.ts), and the mounts are attached in the container's own mount
 * namespace, below its root, on descriptors.
 */
import type { Config, Mount } from "../../../runtime-spec/config.ts";
import type { Caller } from "../../agent/caller.ts";
import { CWD, close, openat } from "../../kernel/calls.ts";
import { AT_EMPTY_PATH, O_DIRECTORY, O_PATH, O_RDONLY } from "../../kernel/constants.ts";
import { status } from "../../kernel/files.ts";
import { here } from "../../kernel/here.ts";
import type { DeviceNumber } from "../../kernel/structs.ts";
import { UserError } from "../../kernel/user-error.ts";
import { findUnifiedMount } from "../../linux/cgroups/hierarchy.ts";
import { openInside } from "../../linux/inside.ts";
import type { MountContext, PreparedMount } from "../../linux/mounts/mount-job.ts";
import { asksFor, isCopiedUp, isIdMapped, readMountOptions } from "../../linux/mounts/mount-options.ts";
import { addMounts as makeMounts, sealMounts } from "../../linux/mounts/mounts.ts";
import { type Join, NAMESPACES, type NamespacePlan } from "../../linux/namespaces.ts";
import type { Living } from "../state/saved.ts";
import type { StateDirectory } from "../state/state-directory.ts";
import type { Store } from "../state/store.ts";
import { type Undo, undoing } from "../state/undo.ts";
import { requireStatus } from "../state/verbs.ts";
import { enterMounts, type Inside, requireOwnMounts, rootOf } from "./inside.ts";
import { saveAsBefore, saveMounts } from "./saved-mounts.ts";
import { lookAt, unmount } from "./unmount.ts";

/** Where one of the mounts stands, for messages: `FILE: mounts[2]`. */
export type PlaceOf = (index: number) => string;

/**
 * Makes mounts in a container, in their order. If one can't be made, those before it are taken away again.
 * @throws UserError
 */
export async function addMounts(
  store: Store,
  id: string,
  wanted: readonly Mount[],
  placeOf: PlaceOf,
): Promise<void> {
  using directory = store.open(id);
  await directory.lock();
  const { saved } = requireStatus("mounts", directory);
  const config = directory.config();
  requireOwnMounts(id, config);
  for (const [index, mount] of wanted.entries()) refuseUnfit(mount, placeOf(index));
  const labelled = await withLabels({ ...config, mounts: wanted });
  await undoing(async (undo) => {
    const plan = planOf(saved, config, undo);
    const { mounts = [] } = config;
    const added = (saved.addedMounts ?? 0) + wanted.length;
    // Before they are made: what a tsrun that is killed has mounted can be listed and removed.
    undo.addRecord(() => saveAsBefore(directory, saved));
    saveMounts(directory, saved, { mounts: [...mounts, ...wanted], added });
    const prepared = await renamed(placeOf, () => prepare(store.caller, saved, labelled, plan, undo));
    const inside = await enterMounts(directory, saved, undo);
    const begun: Begun[] = [];
    undo.add(() => takeBack(directory, saved, begun));
    const procfs = procfsIn(saved);
    for (const [index, mount] of (labelled.mounts ?? []).entries())
      await renamed(
        () => placeOf(index), // each is the first of its own list
        async () => {
          const place = lookAt(inside, saved, mount);
          await inside.agent.run();
          begun.push({ mount, before: place.mount() });
          await make(inside, {
            ...contextOf(saved, plan, inside, mount),
            prepared: only(prepared.get(index)),
            procfs,
          });
        },
      );
    undo.keep();
  });
}

const only = (prepared: PreparedMount | undefined): MountContext["prepared"] =>
  prepared === undefined ? null : new Map([[0, prepared]]);

async function make({ agent, root }: Inside, context: MountContext): Promise<void> {
  const { program } = agent.init;
  sealMounts(program, makeMounts(program, root, context));
  await agent.run();
}

/** What can't be taken away again by its destination. @throws UserError */
function refuseUnfit({ options: words = [] }: Mount, place: string): void {
  const options = readMountOptions(words);
  if (options.remount)
    throw new UserError(
      `${place}.options`,
      "remount makes no mount: remove the existing one, and add it again with other options",
    );
  if (asksFor(options, "copy-symlink"))
    throw new UserError(
      `${place}.options`,
      "copy-symlink may make a link instead of a mount, which could not be removed",
    );
}

async function withLabels(config: Config): Promise<Config> {
  return config.linux?.mountLabel
    ? (await import("../../linux/process/labels.ts")).withMountLabel(config)
    : config;
}

/** The container's namespaces as its config has them: those of its own, and those that it has joined. */
function planOf({ init: { pid } }: Living, { linux }: Config, undo: Undo): NamespacePlan {
  const wanted = linux?.namespaces ?? [];
  const isOwn = (path = "") => path === "";
  const created = new Set(wanted.filter(({ path }) => isOwn(path)).map(({ type }) => type));
  const joins = NAMESPACES.filter(({ type }) =>
    wanted.some((one) => one.type === type && !isOwn(one.path)),
  ).map(({ type, flag, file }): Join => {
    const fd = here(openat(CWD, `/proc/${pid}/ns/${file}`, O_RDONLY));
    undo.always(() => here(close(fd)));
    return { type, flag, fd, where: "container's namespaces" };
  });
  return { created, joins };
}

/** What some mounts need before: user namespaces for id-mapped ones, lists of what is copied to a tmpfs. */
async function prepare(
  caller: Caller,
  saved: Living,
  config: Config,
  plan: NamespacePlan,
  undo: Undo,
): Promise<ReadonlyMap<number, PreparedMount>> {
  const { mounts = [] } = config;
  if (!mounts.some((mount) => isIdMapped(mount) || isCopiedUp(mount))) return new Map();
  const { prepareMounts } = await import("../init/prepared-mounts.ts");
  const prepared = await prepareMounts(caller, { path: saved.bundle, rootfs: rootOf(saved), config }, plan);
  undo.always(() => prepared[Symbol.dispose]());
  return prepared.mounts;
}

function contextOf(
  saved: Living,
  namespaces: NamespacePlan,
  { host, inUserNamespace }: Inside,
  mount: Mount,
) {
  return {
    ...{ bundle: saved.bundle, rootfs: saved.rootfs, lookedUpIn: rootOf(saved), mounts: [mount] },
    ...{ namespaces, inUserNamespace, cgroups: findUnifiedMount() ?? null },
    openOnHost: (add) => host.open(add),
    openAsInit: (add) => host.openAsInit(add),
  } satisfies Partial<MountContext>;
}

/** The device of what is mounted on the container's /proc; null for nothing. */
function procfsIn(saved: Living): DeviceNumber | null {
  const root = here(openat(CWD, rootOf(saved), O_PATH | O_DIRECTORY));
  const proc = openInside(root, "proc", O_PATH | O_DIRECTORY);
  here(close(root));
  if (proc < 0) return null;
  const { device, isMountRoot } = status("", AT_EMPTY_PATH, proc);
  here(close(proc));
  return isMountRoot ? device : null;
}

/** A mount that was tried, and the mount that was at its destination before; null for none. */
interface Begun {
  readonly mount: Mount;
  readonly before: number | null;
}

/** Unmounts what was made, by another process: the one that failed is at rest where it failed. */
async function takeBack(directory: StateDirectory, saved: Living, begun: readonly Begun[]): Promise<void> {
  await undoing(async (undo) => {
    const inside = await enterMounts(directory, saved, undo);
    for (const { mount, before } of [...begun].reverse()) {
      const place = lookAt(inside, saved, mount);
      await inside.agent.run();
      if (place.mount() !== null && place.mount() !== before) unmount(inside, place);
      await inside.agent.run();
    }
  });
}

/** Says of errors where the mount stands that they call `config.json: mounts[N]`. */
async function renamed<T>(placeOf: PlaceOf, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const named = (line: string) =>
      line.replace(/^config\.json: mounts\[(\d+)\]/, (_, index) => placeOf(Number(index)));
    throw new UserError(error.lines.map(named));
  }
}
