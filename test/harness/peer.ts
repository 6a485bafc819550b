import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { bundle, type JsonObject, type Patch, type Rootfs } from "./bundle.ts";
import { cgroup2Mount, removeCgroups } from "./cgroups.ts";
import type { Container } from "./container.ts";
import { freshDirectory, testTsrun, uniqueId } from "./environment.ts";
import { testIf } from "./skip.ts";
import { waitUntil } from "./wait.ts";

/** Has a program find a host with nothing but cgroup v2: on a hybrid one, runc would use v1, and crun stumbles over it. */
const WITHOUT_CGROUP_V1 = `
  if [ "$1" != /sys/fs/cgroup ]; then
    mount -t tmpfs cgroups /mnt && mkdir /mnt/unified && mount --bind "$1" /mnt/unified &&
      umount --recursive --lazy /sys/fs/cgroup && mount --move /mnt/unified /sys/fs/cgroup && umount /mnt || exit
  fi
  shift
  exec "$@"
`;

/** crun can't load a device program without CAP_SYS_RESOURCE (setrlimit of RLIMIT_MEMLOCK): it makes no cgroups here. */
const GLOBAL = { runc: [], crun: ["--cgroup-manager=disabled"] } as const;

type PeerName = keyof typeof GLOBAL;

export const PEERS: readonly PeerName[] = ["runc", "crun"];

interface Peer extends AsyncDisposable {
  readonly pid: number;
  readonly bundle: Container["bundle"];
}

/** A running container of another runtime. */
export async function startedBy(program: PeerName, patch: Patch, rootfs?: Rootfs): Promise<Peer> {
  const made = bundle(program === "crun" ? withoutLimits(patch) : patch, rootfs);
  const [id, state] = [uniqueId(), freshDirectory("peer")];
  const call = (...args: readonly string[]) => {
    const inner = ["sh", cgroup2Mount(), program, ...GLOBAL[program], "--root", state, ...args];
    const unshare = ["--mount", "--propagation", "private", "sh", "-c", WITHOUT_CGROUP_V1, ...inner];
    // A detached container keeps the streams.
    const { status } = spawnSync("unshare", unshare, { stdio: ["ignore", "ignore", "inherit"] });
    if (status !== 0) throw new Error(`${program} ${args.join(" ")}: ${status}`);
  };
  const pidFile = join(state, "pid");
  const remove = async () => {
    call("delete", "--force", id);
    await removeCgroups(id); // runc gives up when the kernel has not quite ended its process
  };
  call("run", "--detach", "--pid-file", pidFile, "--bundle", made.path, id);
  const pid = Number(readFileSync(pidFile, "utf8"));
  // crun is done before its init has loaded the filter.
  const name = basename(patch.args?.[0] ?? "");
  const runs = () => readFileSync(`/proc/${pid}/comm`, "utf8").trim() === name;
  await waitUntil(runs, "the program runs");
  return { pid, bundle: made, [Symbol.asyncDispose]: remove };
}

/** A test with a container of another runtime's. */
export function testPeer(program: PeerName, name: string, body: () => Promise<void>): void {
  if (Bun.which(program) === null) testIf(false, `needs ${program}`)(name, body);
  else testTsrun(name, body);
}

function withoutLimits(patch: Patch): Patch {
  const linux = patch["linux"] as JsonObject | undefined; // as in bundle.ts
  return { ...patch, linux: { ...linux, resources: { devices: [{ allow: true, access: "rwm" }] } } };
}
