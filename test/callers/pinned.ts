/** A pod's namespaces without a process: each is kept by a bind mount of it over a file, as CRI-O's pinns keeps them. */
import { join } from "node:path";
import { freshDirectory } from "../harness/environment.ts";
import { command } from "../harness/mount.ts";

/** Of an id-mapped pod: what its root and the users above it are on the host. */
export const IDS = [{ containerID: 0, hostID: 100_000, size: 65_536 }] as const;

export interface Pinned extends Disposable {
  /** As `linux.namespaces` has them, with the paths of the files. */
  readonly namespaces: readonly { readonly type: string; readonly path: string }[];
}

/** The kinds of namespaces, and the files under /proc/PID/ns that stand for them. */
const FILES = { network: "net", ipc: "ipc", uts: "uts", user: "user" } as const;
type Kind = keyof typeof FILES;

/** $1 is the directory, $2 the lines of the id maps, the rest the namespaces' files. A sleeper has them until they are pinned. */
const PIN = `
  directory=$1 ids=$2; shift 2
  coproc unshare $(printf -- '--%s ' "$@") sh -c 'echo there; exec sleep 60'
  read -r _ <&"\${COPROC[0]}" || exit
  trap 'kill "$COPROC_PID"' EXIT
  if [ "$ids" ]; then
    echo "$ids" >"/proc/$COPROC_PID/uid_map" && echo "$ids" >"/proc/$COPROC_PID/gid_map" || exit
  fi
  nsenter "--net=/proc/$COPROC_PID/ns/net" ip link set lo up || exit
  for file in "$@"; do
    : >"$directory/$file" && mount --bind "/proc/$COPROC_PID/ns/$file" "$directory/$file" || exit
  done
`;

/** Makes a pod's network, IPC and UTS namespaces, `mapped` those of a user namespace of its own. */
export function pinNamespaces({ mapped = false } = {}): Pinned {
  const directory = freshDirectory("pinned");
  const kinds: readonly Kind[] = ["network", "ipc", "uts", ...(mapped ? (["user"] as const) : [])];
  const files = kinds.map((kind) => FILES[kind]);
  const ids = mapped
    ? IDS.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}`).join("\n")
    : "";
  command("bash", "-c", PIN, "bash", directory, ids, ...files);
  return {
    namespaces: kinds.map((type) => ({ type, path: join(directory, FILES[type]) })),
    [Symbol.dispose]: () => void files.map((file) => command("umount", join(directory, file))),
  };
}
