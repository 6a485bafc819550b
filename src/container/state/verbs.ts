/** In which statuses of a container each verb acts, and how it refuses the others. */
import { UserError } from "../../kernel/user-error.ts";
import type { Living, Saved, SavedCgroup } from "./saved.ts";
import type { StateDirectory } from "./state-directory.ts";
import { type ContainerStatus, containerStatus } from "./status.ts";

interface Rule {
  readonly statuses: readonly ContainerStatus[];
  /** It acts on the container's cgroup. */
  readonly needsCgroup?: true;
  /** A refusal is `place: why`. Callers look for runc's words in it, containerd and podman for `container not running`. */
  readonly place: (id: string) => string;
  readonly why: (status: ContainerStatus, id: string) => string;
}

const ALIVE = ["created", "running", "paused"] as const;
const ANY = ["creating", ...ALIVE, "stopped"] as const;

/** Why the container cannot be frozen, limited or measured. */
const NO_CGROUP = "it has no cgroup: its ordinary user had no permission for one when it was created";

const notRunning = (status: string) => `container not running (it is ${status})`;

const DELETE = {
  statuses: ["created", "stopped"],
  place: (id) => `cannot delete container ${id} that is not stopped`,
  why: (status) => `${status}; stop it first, or use --force`,
} as const satisfies Rule;

const EXEC = {
  statuses: ["created", "running"],
  place: (id) => `container ${id}`,
  why: (status) =>
    status === "paused"
      ? "cannot exec in a paused container (use --ignore-paused to override), or resume it"
      : `cannot exec in a ${status} container: container not running`,
} as const satisfies Rule;

const KILL = {
  statuses: ALIVE,
  place: (id) => `cannot signal container ${id}`,
  why: notRunning,
} as const satisfies Rule;

/** runc's words for what cannot be started. */
const UNSTARTABLE: { readonly [status in ContainerStatus]?: string } = {
  creating: "a container in the creating state",
  running: "an already running container",
  paused: "a container in the paused state",
  stopped: "a container that has stopped",
};

/** A sandbox whose namespaces are to be joined. */
const JOINED = {
  statuses: ALIVE,
  why: (status: ContainerStatus, id: string) =>
    `sandbox ${id} is ${status}, not running: it holds no namespaces to join`,
} as const;

/** Verbs, some with a flag that changes the rule. Those that are not here act in every status. */
export const VERBS = {
  start: {
    statuses: ["created"],
    place: (id) => `container ${id}`,
    why: (status) => `cannot start ${UNSTARTABLE[status]}; only a created one can be started`,
  },
  kill: KILL,
  "kill --all": { ...KILL, statuses: ANY },
  delete: DELETE,
  "delete --force": { ...DELETE, statuses: ANY },
  exec: EXEC,
  "exec --ignore-paused": { ...EXEC, statuses: ALIVE },
  pause: {
    statuses: ["created", "running"],
    needsCgroup: true,
    place: (id) => `cannot pause container ${id}`,
    why: (status) => notRunning(status === "paused" ? "paused already" : status),
  },
  resume: {
    statuses: ["paused"],
    needsCgroup: true,
    place: (id) => `cannot resume container ${id}`,
    why: (status) => (isAlive(status) ? "container not paused" : notRunning(status)),
  },
  update: {
    statuses: ALIVE,
    needsCgroup: true,
    place: (id) => `cannot update container ${id}`,
    why: notRunning,
  },
  mounts: {
    statuses: ALIVE,
    place: (id) => `cannot see or change the mounts of container ${id}`,
    why: notRunning,
  },
  events: {
    statuses: ["creating", ...ALIVE],
    needsCgroup: true,
    place: (id) => `no events of container ${id}`,
    why: () => "container not running",
  },
  checkpoint: {
    statuses: ["running", "paused"],
    place: (id) => `cannot checkpoint container ${id}`,
    why: (status) => `it is ${status}, and only a running or paused one can be`,
  },
  verify: {
    statuses: ["running", "paused"],
    place: (id) => `cannot verify container ${id}`,
    why: (status) => `it is ${status}, and only a running or paused one has all that it asked for`,
  },
  "spec --sandbox": { ...JOINED, place: () => "spec" },
  "unpack --sandbox": { ...JOINED, place: () => "unpack" },
} as const satisfies { readonly [verb: string]: Rule };

export type Verb = keyof typeof VERBS;

/** The statuses in which a command with these flags acts; null for all. */
export function statusesFor(command: string, flags: readonly string[]): readonly ContainerStatus[] | null {
  const rules: { readonly [verb: string]: Rule | undefined } = VERBS;
  const changed = flags.map((flag) => rules[`${command} --${flag}`]).find((rule) => rule !== undefined);
  const { statuses = ANY } = changed ?? rules[command] ?? {};
  return statuses === ANY ? null : statuses;
}

type StatusFor<V extends Verb> = (typeof VERBS)[V]["statuses"][number];

/** What a verb can rely on: a container that is created, running or paused has an init. */
type SavedFor<V extends Verb> = (StatusFor<V> extends (typeof ALIVE)[number] ? Living : Saved | null) &
  ((typeof VERBS)[V] extends { needsCgroup: true } ? { readonly cgroup: SavedCgroup } : unknown);

const isAlive = (status: ContainerStatus) => ALIVE.some((one) => one === status);

/** Requires a status that the verb acts in. Returns it, and what is saved of the container. @throws UserError */
export function requireStatus<V extends Verb>(
  verb: V,
  directory: StateDirectory,
  saved: Saved | null = directory.read(),
): { readonly status: StatusFor<V>; readonly saved: SavedFor<V> } {
  const { statuses, needsCgroup, place }: Rule = VERBS[verb];
  const status = containerStatus(directory, saved);
  const lacksCgroup = needsCgroup && !saved?.cgroup;
  if (lacksCgroup && isAlive(status)) throw new UserError(place(directory.id), NO_CGROUP);
  if (lacksCgroup || !statuses.includes(status)) throw refusal(verb, directory, status);
  return { status, saved } as ReturnType<typeof requireStatus<V>>; // as was checked
}

/** Why a verb does not act in a status. */
export function refusal(verb: Verb, { id }: StateDirectory, status: ContainerStatus): UserError {
  const { place, why }: Rule = VERBS[verb];
  return new UserError(place(id), why(status, id));
}
