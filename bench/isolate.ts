import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { cgroup2Mount, removeCgroups } from "../test/harness/cgroups.ts";

const PREFIX = "tsrun-bench-";
const CGROUPS = "/sys/fs/cgroup";

/** Where tsrun keeps compiled seccomp filters: in the /run of the bench's own, which may empty it. */
export const FILTER_CACHE = "/run/tsrun-seccomp";

/** Where things are for the part of the bench that runs in namespaces of its own. */
export interface Place {
  /** On the machine's disk or wherever its /tmp is, for bundles. */
  readonly directory: string;
  /** A tmpfs, for the runtimes' state: /run is one on most hosts. */
  readonly state: string;
  /** In the name of every container and cgroup that the bench makes, and of no others on this machine. */
  readonly token: string;
  /** Where cgroup v2 is. */
  readonly cgroups: string;
}

/** The place that `isolate` made for this process; null outside of one. */
export function placeOfThisProcess(): Place | null {
  const { TSRUN_BENCH_DIR: directory } = process.env;
  return directory === undefined ? null : placeIn(directory);
}

function placeIn(directory: string): Place {
  const token = basename(directory).slice(PREFIX.length);
  return { directory, state: join(directory, "state"), token, cgroups: CGROUPS };
}

/**
 * The shell is PID 1 in there: it reaps orphans, and its end ends them all. Every runtime finds a host with
 * nothing but cgroup v2, also on a hybrid one, whose v1 hierarchies runc would use and crun stumbles over.
 * /run is their own: containerd's shim has its sockets there, wherever containerd's are.
 * The mount is moved, not made: a new one would change the options that the whole machine's cgroup v2 has.
 */
const ENTER = `
  mount -t tmpfs -o mode=755 tsrun-bench "$1" || exit
  # crun gives the device itself to a container's user when it is a standard stream.
  mknod -m 666 "$1/null" c 1 3 && mount --bind "$1/null" /dev/null || exit
  if [ "$2" != ${CGROUPS} ]; then
    mkdir "$1/cgroup" && mount --bind "$2" "$1/cgroup" && umount --recursive --lazy ${CGROUPS} &&
      mount --move "$1/cgroup" ${CGROUPS} && rmdir "$1/cgroup" || exit
  fi
  mount -t tmpfs -o mode=755 run /run || exit
  shift 2
  "$@"
  exit $?
`;

/**
 * Runs this program again in a mount and a PID namespace of its own and resolves to its exit status. Whatever
 * happens in there, and on Ctrl-C, nothing is left: processes and mounts go with the namespaces, cgroups and
 * files are removed here.
 */
export async function isolate(argv: readonly string[], realtime: boolean): Promise<number> {
  const place = placeIn(mkdtempSync(join(tmpdir(), PREFIX)));
  chmodSync(place.directory, 0o755); // for the roots of user namespaces, whom peers let open their rootfs themselves
  try {
    mkdirSync(place.state);
    return await runInside(place, argv, realtime && mayHurry() ? HURRY : []);
  } finally {
    await removeCgroups(place.token);
    rmSync(place.directory, { recursive: true });
  }
}

/**
 * What is started by this, and all that it starts, runs before any ordinary process (sched(7)); they take
 * turns, since with SCHED_FIFO programs in Go that wait for each other in loops would do so for ever.
 */
const HURRY = ["chrt", "--rr", "1"];

function mayHurry(): boolean {
  return Bun.which("chrt") !== null && Bun.spawnSync([...HURRY, "true"]).success;
}

const SCHED_RR = "2";

/** Whether this process was started so. */
export function hurries(): boolean {
  // proc_pid_stat(5): the 41st field is the policy; the 2nd, a name in parentheses, may hold spaces.
  return (
    readFileSync("/proc/self/stat", "utf8")
      .replace(/^.*\) /, "")
      .split(" ")[38] === SCHED_RR
  );
}

async function runInside(place: Place, argv: readonly string[], by: readonly string[]): Promise<number> {
  const inside = Bun.spawn(
    [
      ...by,
      ...[
        "unshare",
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "--propagation",
        "private",
      ],
      ...["sh", "-c", ENTER, "sh", place.state, cgroup2Mount()],
      ...[process.execPath, join(import.meta.dir, "bench.ts"), ...argv],
    ],
    { stdio: ["ignore", "inherit", "inherit"], env: { ...process.env, TSRUN_BENCH_DIR: place.directory } },
  );
  let stopped = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      stopped = true;
      inside.kill("SIGKILL"); // the shell inside goes with it (--kill-child)
    });
  }
  const status = await inside.exited;
  return stopped ? 130 : status;
}
