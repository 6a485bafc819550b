/** Containers grouped by the namespaces that they share: pods, with what each shares with whom. */
import type { Known } from "./known.ts";
import type { Live, NamespaceFile, Namespaces } from "./live.ts";

/** A container, what its runtime remembers of it and what the kernel says. */
export type Container = Known & Live;

export interface Member extends Container {
  /** By kind: which namespace it has, "host" for the caller's own. Two members share one when the texts are the same. */
  readonly has: Namespaces;
  /** Its name in Kubernetes; empty without one. */
  readonly name: string;
}

export interface Pod {
  /** Its name in Kubernetes, or that of its first container. */
  readonly name: string;
  /** The one whose namespaces the others have joined; null for a container that shares none. */
  readonly sandbox: Member | null;
  /** All of them, the sandbox first, then by age. */
  readonly members: readonly Member[];
}

export const HOST = "host";

/** The kinds that make a pod. A user's rootless containers share the others with each other, whatever they are. */
const BINDING = ["net", "ipc", "uts", "pid"] as const satisfies readonly NamespaceFile[];

/** The kinds as in config.json, in the order of pictures. */
export const KINDS = [
  { file: "net", type: "network" },
  { file: "ipc", type: "ipc" },
  { file: "uts", type: "uts" },
  { file: "pid", type: "pid" },
  { file: "mnt", type: "mount" },
  { file: "user", type: "user" },
  { file: "cgroup", type: "cgroup" },
  { file: "time", type: "time" },
] as const satisfies readonly { readonly file: NamespaceFile; readonly type: string }[];

/** What engines that speak the CRI write in annotations, containerd's and CRI-O's. */
const ANNOTATIONS = {
  kind: ["io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType"],
  container: ["io.kubernetes.cri.container-name", "io.kubernetes.container.name"],
  pod: ["io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"],
  namespace: ["io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"],
  sandbox: ["io.kubernetes.cri.sandbox-id", "io.kubernetes.cri-o.SandboxID"],
} as const;

/** Identifies a namespace that is kept at a path: `net:[4026532177]`; null when nothing is there. */
type InodeOf = (path: string, file: NamespaceFile) => string | null;

function annotated({ annotations }: Known, what: keyof typeof ANNOTATIONS): string {
  return ANNOTATIONS[what].map((name) => annotations[name] ?? "").find((value) => value !== "") ?? "";
}

/**
 * The pods that containers form, the oldest first; a container that shares nothing is one by itself. `host` are the
 * namespaces of the caller, which nobody shares with another by choice.
 */
export function podsOf(containers: readonly Container[], host: Namespaces, inodeOf: InodeOf): readonly Pod[] {
  const members = containers.map((one): Member => {
    const has: { [file in NamespaceFile]?: string } = {};
    for (const { file } of KINDS) has[file] = namespaceOf(one, file, containers, host, inodeOf);
    return { ...one, has, name: annotated(one, "container") };
  });
  const pods = groupsOf(members).map(podOf);
  return pods.sort((one, other) => byAge(oldest(one), oldest(other)));
}

const byAge = (one: Known, other: Known) =>
  Date.parse(one.created) - Date.parse(other.created) || (one.id < other.id ? -1 : 1);

const oldest = ({ members }: Pod): Known => members.toSorted(byAge)[0] ?? raise();

const raise = (): never => {
  throw new Error("a pod has no member");
};

/** Of a container that has ended, or cannot be looked into, the one that its configuration wants. */
function namespaceOf(
  one: Container,
  file: NamespaceFile,
  all: readonly Container[],
  host: Namespaces,
  inodeOf: InodeOf,
  depth = 0,
): string {
  const seen = one.namespaces[file];
  if (seen !== undefined) return seen === host[file] ? HOST : seen;
  const type = KINDS.find((kind) => kind.file === file)?.type;
  const path = one.asked.find((namespace) => namespace.type === type)?.path;
  if (path === undefined && one.asked.length > 0) return HOST;
  const own = `${one.root}/${one.id} ${file}`;
  if (!path) return own;
  const [, pid] = /^\/proc\/(\d+)\/ns\//.exec(path) ?? [];
  const owner = all.find(({ init }) => init?.pid === Number(pid));
  if (owner !== undefined && owner !== one && depth < all.length)
    return namespaceOf(owner, file, all, host, inodeOf, depth + 1);
  const found = pid === undefined ? (inodeOf(path, file) ?? path) : own; // a pid that is nobody's may be anybody's by now
  return found === host[file] ? HOST : found;
}

/** Those that belong together, directly or by way of others. */
function groupsOf(members: readonly Member[]): readonly (readonly Member[])[] {
  let groups: { readonly ties: ReadonlySet<string>; readonly members: readonly Member[] }[] = [];
  for (const member of members) {
    const ties = tiesOf(member);
    const near = groups.filter((group) => ties.some((tie) => group.ties.has(tie)));
    const joined = {
      ties: new Set([...ties, ...near.flatMap((group) => [...group.ties])]),
      members: [...near.flatMap((group) => group.members), member],
    };
    groups = [...groups.filter((group) => !near.includes(group)), joined];
  }
  return groups.map((group) => group.members);
}

/** What binds a container to others: its namespaces of the BINDING kinds, and the sandbox that an engine names. */
function tiesOf(member: Member): readonly string[] {
  const namespaces = BINDING.flatMap((file) => member.has[file] ?? []).filter((one) => one !== HOST);
  return [...namespaces, `${member.root}/${annotated(member, "sandbox") || member.id}`];
}

/** Whether two containers have the same namespace, and not both the host's. */
export function shares(one: Member, other: Member, file: NamespaceFile): boolean {
  return one.has[file] === other.has[file] && one.has[file] !== HOST;
}

function podOf(group: readonly Member[]): Pod {
  const members = group.toSorted(byAge);
  const [first = raise()] = members;
  const sandbox = members.length === 1 && annotated(first, "kind") !== "sandbox" ? null : sandboxOf(members);
  const others = members.filter((member) => member !== sandbox);
  const named = sandbox ?? first;
  const pod = [annotated(named, "namespace"), annotated(named, "pod")]
    .filter((part) => part !== "")
    .join("/");
  return { name: pod || named.id, sandbox, members: sandbox === null ? others : [sandbox, ...others] };
}

/** The one that is called so; else the one that most others name by its pid; else the oldest. */
function sandboxOf(members: readonly Member[]): Member {
  const named = ({ init }: Member) =>
    members.filter(({ asked }) => asked.some(({ path }) => path.startsWith(`/proc/${init?.pid}/ns/`))).length;
  const [first = raise(), ...others] = members;
  const called = members.find((one) => annotated(one, "kind") === "sandbox");
  return called ?? others.reduce((best, one) => (named(one) > named(best) ? one : best), first);
}
