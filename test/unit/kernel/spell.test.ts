/** System calls as strace(1) would print them. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { returned, wordIs } from "../../../src/agent/program.ts";
import type { Call } from "../../../src/kernel/call.ts";
import {
  CWD,
  capset,
  closeFrom,
  execve,
  faccessat2,
  fsconfigFlag,
  fsmount,
  ioctl,
  keyctl,
  kill,
  mkdirat,
  mknodat,
  mount,
  mountSetattr,
  openat,
  openat2,
  openTree,
  prctl,
  prlimit64,
  read,
  setMempolicy,
  setns,
  socket,
  statx,
  unlinkat,
  unshare,
  write,
} from "../../../src/kernel/calls.ts";
import * as constants from "../../../src/kernel/constants.ts";
import {
  landlockAddPath,
  landlockAddPort,
  landlockCreateRuleset,
  landlockRestrictSelf,
  landlockVersion,
} from "../../../src/kernel/landlock.ts";
import { memoryPolicyFlags, memoryPolicyModes } from "../../../src/kernel/memory-policy.ts";
import { ioprioSet, schedAttr, schedSetattr } from "../../../src/kernel/scheduling.ts";
import { SECCOMP_FILTER_FLAG_LOG, setSeccompFilter, sockFprog } from "../../../src/kernel/seccomp.ts";
import { SIGNALS } from "../../../src/kernel/signals.ts";
import { flagsIn } from "../../../src/kernel/spell/kinds.ts";
import { spell } from "../../../src/kernel/spell/spell.ts";
import {
  capData,
  capHeader,
  cloneArgs,
  ifreqFlags,
  makeDevice,
  rlimit64,
} from "../../../src/kernel/structs.ts";
import { openSlave } from "../../../src/kernel/terminal.ts";

const c = constants;
const STEP = { step: 8 };
const INSIDE = c.RESOLVE_IN_ROOT | c.RESOLVE_NO_MAGICLINKS;
const SCHEDULING = { policy: 1, flags: 1, nice: -5, priority: 10, runtime: 0, deadline: 0, period: 0 };

const SPELLED: readonly (readonly [Call, string])[] = [
  [landlockVersion(), "landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)"],
  [
    landlockCreateRuleset({ fs: 0xcn, net: 1n, scoped: 2n }),
    "landlock_create_ruleset({handled_access_fs=LANDLOCK_ACCESS_FS_READ_DIR|LANDLOCK_ACCESS_FS_READ_FILE, handled_access_net=LANDLOCK_ACCESS_NET_BIND_TCP, scoped=LANDLOCK_SCOPE_SIGNAL}, 24, 0)",
  ],
  [
    landlockAddPath(STEP, 0x8000n, 7),
    "landlock_add_rule($8, LANDLOCK_RULE_PATH_BENEATH, {allowed_access=LANDLOCK_ACCESS_FS_IOCTL_DEV, parent_fd=7}, 0)",
  ],
  [
    landlockAddPort(STEP, 2n, 443),
    "landlock_add_rule($8, LANDLOCK_RULE_NET_PORT, {allowed_access=LANDLOCK_ACCESS_NET_CONNECT_TCP, port=443}, 0)",
  ],
  [landlockRestrictSelf(STEP), "landlock_restrict_self($8, 0)"],
  [returned(STEP, 0), "compare($8, 0)"],
  [wordIs(0x2_0000_0038, c.FUTEX_OWNER_DIED), "compare(*0x200000038, FUTEX_OWNER_DIED)"],
  [
    openat2(STEP, "proc", c.O_PATH, INSIDE),
    'openat2($8, "proc", {O_PATH|O_CLOEXEC, RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS})',
  ],
  [openat2(3, "x", c.O_CREAT | c.O_RDWR, 0, 0o644), 'openat2(3, "x", {O_RDWR|O_CLOEXEC|O_CREAT, 0644, 0})'],
  [openat(CWD, "/x", c.O_RDONLY), 'openat(AT_FDCWD, "/x", O_RDONLY|O_CLOEXEC)'],
  [
    openat(CWD, "/x", c.O_WRONLY | c.O_CREAT, 0o600),
    'openat(AT_FDCWD, "/x", O_WRONLY|O_CLOEXEC|O_CREAT, 0600)',
  ],
  [mkdirat(STEP, "proc", 0o755), 'mkdirat($8, "proc", 0755)'],
  [
    mknodat(STEP, "null", c.S_IFCHR | 0o666, makeDevice(1, 3)),
    'mknodat($8, "null", S_IFCHR|0666, makedev(1, 3))',
  ],
  [mknodat(STEP, "file", c.S_IFREG | 0o644, 0), 'mknodat($8, "file", S_IFREG|0644)'],
  [unlinkat(STEP, "d", c.AT_REMOVEDIR), 'unlinkat($8, "d", AT_REMOVEDIR)'],
  [
    faccessat2(STEP, "", 0, c.AT_EACCESS | c.AT_EMPTY_PATH),
    'faccessat2($8, "", F_OK, AT_EMPTY_PATH|AT_EACCESS)',
  ],
  [
    openTree(STEP, "", c.OPEN_TREE_CLONE | c.AT_RECURSIVE | c.AT_EMPTY_PATH),
    'open_tree($8, "", OPEN_TREE_CLOEXEC|OPEN_TREE_CLONE|AT_RECURSIVE|AT_EMPTY_PATH)',
  ],
  [
    mountSetattr(STEP, "", c.AT_EMPTY_PATH, {
      set: c.MOUNT_ATTR_RDONLY,
      clear: c.MOUNT_ATTR_ATIME,
      userns: 5,
    }),
    'mount_setattr($8, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_RDONLY, attr_clr=MOUNT_ATTR_ATIME, userns_fd=5})',
  ],
  [
    mountSetattr(STEP, "", 0, { propagation: c.MS_SLAVE }),
    'mount_setattr($8, "", 0, {propagation=MS_SLAVE})',
  ],
  [fsconfigFlag(STEP, "newinstance"), 'fsconfig($8, FSCONFIG_SET_FLAG, "newinstance", NULL)'],
  [
    fsmount(STEP, c.MOUNT_ATTR_NOEXEC | c.MOUNT_ATTR_NODEV),
    "fsmount($8, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOEXEC|MOUNT_ATTR_NODEV)",
  ],
  [mount("", "/", "", c.MS_SLAVE | c.MS_REC), 'mount("", "/", "", MS_SLAVE|MS_REC, NULL)'],
  [
    statx(STEP, "", c.AT_EMPTY_PATH, { room: 256 }),
    'statx($8, "", AT_EMPTY_PATH, STATX_MNT_ID|STATX_BASIC_STATS, <256 bytes>)',
  ],
  [read(STEP, { room: 64 }), "read($8, <64 bytes>, 64)"],
  [write(STEP, new TextEncoder().encode("0 1 2\n")), String.raw`write($8, "0 1 2\n", 6)`],
  [write(STEP, Uint8Array.of(1, 2)), "write($8, <2 bytes>, 2)"],
  [closeFrom(3, c.CLOSE_RANGE_CLOEXEC), "close_range(3, ~0U, CLOSE_RANGE_CLOEXEC)"],
  [socket(c.AF_INET, c.SOCK_DGRAM), "socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, 0)"],
  [
    ioctl(STEP, c.SIOCSIFFLAGS, ifreqFlags("lo", c.IFF_UP | c.IFF_RUNNING)),
    'ioctl($8, SIOCSIFFLAGS, {ifr_name="lo", ifr_flags=IFF_RUNNING|IFF_UP})',
  ],
  [openSlave(STEP), "ioctl($8, TIOCGPTPEER, O_RDWR|O_CLOEXEC|O_NOCTTY)"],
  [unshare(c.CLONE_NEWCGROUP), "unshare(CLONE_NEWCGROUP)"],
  [setns(5, c.CLONE_NEWNET + c.CLONE_NEWUTS), "setns(5, CLONE_NEWNET|CLONE_NEWUTS)"],
  [
    { name: "clone3", args: [cloneArgs(c.CLONE_PARENT + c.CLONE_INTO_CGROUP, 0, 7)] },
    "clone3({flags=CLONE_INTO_CGROUP|CLONE_PARENT, cgroup=7})",
  ],
  [prctl(c.PR_SET_PDEATHSIG, c.SIGKILL), "prctl(PR_SET_PDEATHSIG, SIGKILL)"],
  [kill(7, SIGNALS.SIGTERM), "kill(7, SIGTERM)"],
  [kill(7, SIGNALS.SIGPOLL), "kill(7, SIGIO)"],
  [prctl(c.PR_SET_NAME, "tsrun:init"), 'prctl(PR_SET_NAME, "tsrun:init")'],
  [prctl(c.PR_CAPBSET_DROP, 0), "prctl(PR_CAPBSET_DROP, CAP_CHOWN)"],
  [
    prctl(c.PR_CAP_AMBIENT, c.PR_CAP_AMBIENT_RAISE, 21),
    "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN)",
  ],
  [prctl(c.PR_CAP_AMBIENT, c.PR_CAP_AMBIENT_CLEAR_ALL), "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)"],
  [
    capset(capHeader(c.LINUX_CAPABILITY_VERSION_3), capData([32, 0], [33, 1], [0, 0])),
    "capset({version=_LINUX_CAPABILITY_VERSION_3, pid=0}, {effective=CAP_KILL, permitted=CAP_CHOWN|CAP_KILL|CAP_MAC_OVERRIDE, inheritable=0})",
  ],
  [
    prlimit64(12, 7, rlimit64(1024, 2n ** 64n - 1n)),
    "prlimit64(12, RLIMIT_NOFILE, {rlim_cur=1024, rlim_max=RLIM64_INFINITY}, NULL)",
  ],
  [
    keyctl(c.KEYCTL_SETPERM, STEP, c.KEY_POS_ALL + c.KEY_USR_VIEW),
    "keyctl(KEYCTL_SETPERM, $8, KEY_POS_ALL|KEY_USR_VIEW)",
  ],
  [
    setMempolicy(memoryPolicyModes().MPOL_BIND | memoryPolicyFlags().MPOL_F_STATIC_NODES, Uint8Array.of(5)),
    "set_mempolicy(MPOL_BIND|MPOL_F_STATIC_NODES, [0,2], 9)",
  ],
  [
    schedSetattr(12, schedAttr(SCHEDULING)),
    "sched_setattr(12, {sched_policy=SCHED_FIFO, sched_flags=SCHED_FLAG_RESET_ON_FORK, sched_nice=-5, sched_priority=10}, 0)",
  ],
  [ioprioSet(12, 2, 4), "ioprio_set(IOPRIO_WHO_PROCESS, 12, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 4))"],
  [
    setSeccompFilter(SECCOMP_FILTER_FLAG_LOG, sockFprog(12, 0)),
    "seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_LOG, {len=12})",
  ],
  [
    execve("/bin/sh", ["sh", "-c", "a b"], ["A=1", "B=2"]),
    'execve("/bin/sh", ["sh", "-c", "a b"], <2 variables>)',
  ],
];

for (const [call, spelled] of SPELLED)
  test(spelled, () => {
    assert.is(spell(call), spelled);
  });

test("a flag without a name is marked", () => {
  assert.is(flagsIn(0x41n, [["MS_X", 1n]]), "MS_X|0x40 /* MS_??? */");
});

test.run();
