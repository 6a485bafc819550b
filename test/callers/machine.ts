/**
 * The machine that real callers of a runtime find: namespaces in which daemons have /run, /var/lib, /var/log, the
 * network and cgroup v2 to themselves, in their usual places, and the host has no part in what they do there.
 */
import { cgroup2Mount } from "../harness/cgroups.ts";
import type { Surroundings } from "../harness/run-file.ts";

const NAME = "tsrun-machine-";
/** All of a cgroup's path that is the machine's name or stands before it. */
const INSIDE = new RegExp(`^.*/${NAME}[^/]*`);
/** Where the machine's first processes are: one with children that have controllers can have none (cgroups(7)). */
const LEAF = "host";

/** Cgroups that stay, from the machine's root: its own, and what callers keep for their next containers. */
export const LASTING_CGROUPS: ReadonlySet<string> = new Set([
  ...["", `/${LEAF}`, "/default", "/k8s.io", "/kubepods", "/docker", "/crio"],
  ...["/libpod_parent", "/libpod_parent/conmon"],
]);

/**
 * $1 is the host's cgroup v2, which gives what controllers it can. The machine is a cgroup in there, $2, and the root
 * of a cgroup namespace; its mount is moved to /sys/fs/cgroup, not made, and covers cgroup v1. Propagation is shared,
 * as systemd leaves it: pods may ask for mounts that follow the host's. PID 1 is the last shell, and its end ends
 * every process.
 */
const BOOT = `
  mount -t tmpfs -o mode=755 tsrun-test "$TSRUN_TEST_DIR" || exit
  for controller in $(cat "$1/cgroup.controllers"); do echo "+$controller" >"$1/cgroup.subtree_control"; done 2>/dev/null
  mkdir -p "$2/${LEAF}" && echo 0 >"$2/cgroup.procs" || exit
  exec unshare --cgroup sh -c '
    echo 0 >"$2/${LEAF}/cgroup.procs" || exit
    mkdir "$TSRUN_TEST_DIR/cgroup" && mount --bind "$2" "$TSRUN_TEST_DIR/cgroup" || exit
    if [ "$1" != /sys/fs/cgroup ]; then umount --recursive --lazy /sys/fs/cgroup || exit; fi
    mount --move "$TSRUN_TEST_DIR/cgroup" /sys/fs/cgroup && rmdir "$TSRUN_TEST_DIR/cgroup" || exit
    for each in /run /var/lib /var/log; do mkdir -p $each && mount -t tmpfs -o mode=755 "\${each##*/}" $each || exit; done
    ip link set lo up && mount --make-rshared / || exit
    shift 2
    "$@"
    exit $?
  ' sh "$@"
`;

/** A machine for one test file. Killing `setpriv`'s parent ends it, and with it all that runs in it. */
export function machine(): Surroundings {
  const root = cgroup2Mount();
  return {
    command: [
      ...["setpriv", "--pdeathsig", "KILL"],
      ...["unshare", "--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc"],
      ...[
        "--propagation",
        "private",
        "sh",
        "-c",
        `set -- "$0" "$0/${NAME}\${TSRUN_TEST_DIR##*-}" "$@"; ${BOOT}`,
      ],
      root,
    ],
    owns: (cgroup) => LASTING_CGROUPS.has(cgroup.replace(INSIDE, "")),
    socket: "/run/tsrun-serve.sock",
  };
}
