/**
 * What some mounts need before the init is born: temporary user namespaces for id-mapped mounts, and lists of what
 * `tmpcopyup` copies.
 *
 * Loaded only for the containers that ask for it.
 */
import type { Config, Mount } from "../../../runtime-spec/config.ts";
import type { Caller } from "../../agent/caller.ts";
import { CWD, close, fcntl, openat } from "../../kernel/calls.ts";
import { F_DUPFD, O_DIRECTORY, O_PATH, O_RDONLY } from "../../kernel/constants.ts";
import { attempt, here } from "../../kernel/here.ts";
import { fail } from "../../kernel/user-error.ts";
import { names } from "../../linux/inside.ts";
import { addCopy, listForCopy, type Owners } from "../../linux/mounts/copy-up.ts";
import { type Mappings, readIdmapOption } from "../../linux/mounts/idmap-option.ts";
import type { PreparedMount } from "../../linux/mounts/mount-job.ts";
import { isBind, isCopiedUp, isIdMapped, readMountOptions } from "../../linux/mounts/mount-options.ts";
import type { NamespacePlan } from "../../linux/namespaces.ts";
import { isAbsolute, join } from "../../linux/paths.ts";
import type { Bundle } from "../bundle.ts";
import { Agent } from "./agent.ts";
import { writeMappings } from "./user-namespace.ts";

/** What was prepared, by the mount's index; the user namespaces are closed with it. */
export interface PreparedMounts extends Disposable {
  readonly mounts: ReadonlyMap<number, PreparedMount>;
}

/** @throws UserError */
export async function prepareMounts(
  caller: Caller,
  bundle: Pick<Bundle, "path" | "config" | "rootfs">,
  namespaces: NamespacePlan,
): Promise<PreparedMounts> {
  const { mounts = [] } = bundle.config;
  const prepared = new Map<number, PreparedMount>();
  const users = new UserNamespaces(caller, bundle.config, namespaces);
  try {
    for (const [index, mount] of mounts.entries()) {
      const where = `mounts[${index}]`;
      if (isIdMapped(mount)) prepared.set(index, { userns: await mappingOf(where, mount, users) });
      if (!isCopiedUp(mount)) continue;
      if (mount.type !== "tmpfs") fail(`${where}.options`, "tmpcopyup is for mounts of type tmpfs");
      const content = contentAt(where, index, bundle);
      prepared.set(index, { copy: { content, owners: ownersIn(bundle.config, namespaces), add: addCopy } });
    }
  } catch (error) {
    users.close();
    throw error;
  }
  return { mounts: prepared, [Symbol.dispose]: () => users.close() };
}

// Id-mapped mounts

/** A user namespace with the mount's mappings. */
function mappingOf(where: string, mount: Mount, users: UserNamespaces): Promise<number> {
  const { source = "", options = [] } = mount;
  if (!isBind(mount) || source === "") fail(where, "only bind mounts can be id-mapped");
  return users.forMount(where, mount, readMountOptions(options).mappings);
}

/** A user namespace, and its descriptor in agents. */
interface Made {
  readonly fd: number;
  readonly passed: number;
}

/** User namespaces by their mappings, as descriptors that agents inherit. Those made here end when these are closed. */
class UserNamespaces {
  private readonly caller: Caller;
  private readonly linux: NonNullable<Config["linux"]>;
  private readonly joined: number | undefined;
  private readonly made = new Map<string, Made>();

  constructor(caller: Caller, { linux = {} }: Config, { joins }: NamespacePlan) {
    this.caller = caller;
    this.linux = linux;
    this.joined = joins.find(({ type }) => type === "user")?.fd;
  }

  /** The mappings of the mount's option or properties, or the container's if there are none. */
  async forMount(
    where: string,
    { uidMappings = [], gidMappings = [] }: Mount,
    option: string | null,
  ): Promise<number> {
    const own = { uidMappings, gidMappings };
    const { uidMappings: uids = [], gidMappings: gids = [] } = this.linux;
    const container = { uidMappings: uids, gidMappings: gids };
    if (option !== null) {
      if (uidMappings.length > 0) fail(where, "has mappings in idmap= and in uidMappings: leave one out");
      return this.withMappings(where, readIdmapOption(`${where}.options`, option, container));
    }
    if (uidMappings.length > 0) return this.withMappings(where, own);
    if (this.joined !== undefined)
      return this.keep("joined", () => here(fcntl(this.joined ?? -1, F_DUPFD, 0)));
    if (uids.length === 0)
      fail(where, "id-mapped mounts need mappings: the container has no user namespace of its own");
    return this.withMappings("linux", container);
  }

  private withMappings(where: string, mappings: Mappings): Promise<number> {
    return this.keep(JSON.stringify(mappings), () => newUserNamespace(this.caller, where, mappings));
  }

  private async keep(key: string, open: () => number | Promise<number>): Promise<number> {
    const known = this.made.get(key);
    if (known !== undefined) return known.passed;
    const fd = await open();
    const [passed = -1] = this.caller.pass([fd]);
    this.made.set(key, { fd, passed });
    return passed;
  }

  close(): void {
    for (const { fd } of this.made.values()) here(close(fd));
  }
}

/** A descriptor of a user namespace without any process. */
async function newUserNamespace(caller: Caller, where: string, mappings: Mappings): Promise<number> {
  await using agent = Agent.start(caller, { created: new Set(["user"]), joins: [] }, null);
  const pid = await agent.waitForInit();
  writeMappings(pid, mappings, where);
  return here(openat(CWD, `/proc/${pid}/ns/user`, O_RDONLY));
}

// tmpcopyup

/** The directory at a mount's destination before the mount is made: the image's, or an earlier bind mount's. */
function contentAt(
  where: string,
  index: number,
  { config, rootfs, path: bundle }: Pick<Bundle, "path" | "config" | "rootfs">,
) {
  const { mounts = [] } = config;
  const path = names(mounts[index]?.destination ?? "");
  const below = mounts
    .slice(0, index)
    .findLast(({ destination }) => names(destination).every((name, at) => name === path[at]));
  if (below === undefined) return listAt(where, rootfs, path);
  const { source = "", destination } = below;
  if (!isBind(below)) return { entries: [], status: null };
  return listAt(
    where,
    isAbsolute(source) ? source : join(bundle, source),
    path.slice(names(destination).length),
  );
}

function listAt(where: string, root: string, path: readonly string[]) {
  const fd = attempt(openat(CWD, root, O_PATH | O_DIRECTORY));
  if (fd < 0) return { entries: [], status: null };
  try {
    return listForCopy(where, fd, path.join("/") || ".");
  } finally {
    here(close(fd));
  }
}

function ownersIn({ linux = {} }: Config, { created, joins }: NamespacePlan): Owners {
  const mapped = created.has("user") || joins.some(({ type }) => type === "user");
  return mapped
    ? { uids: linux.uidMappings ?? [], gids: linux.gidMappings ?? [] }
    : { uids: null, gids: null };
}
