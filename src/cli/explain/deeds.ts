/**
 * What tsrun does about properties that it applies, and by which system calls, in order. What is below a property is
 * part of the same unless it stands here itself. A test compares the calls with those that `--dry-run` lists.
 */
import type { Properties } from "./claims.ts";

export interface Deed {
  readonly does: string;
  /** Names of system calls; those that only open and close files and directories are left out, unless they are all. */
  readonly calls: string;
}

const CGROUP_FILE = (file: string, more = ""): Deed => ({
  does: `writes ${file} of the container's cgroup${more}`,
  calls: "write",
});

const HOST_HOOKS =
  "runs the program as a child of tsrun's caller, with the container's state on its standard input";

export const DEEDS: Readonly<Record<Properties, Deed>> = {
  ociVersion: { does: "requires a version number, and accepts any", calls: "" },
  "root root.path": {
    does: "copies the mount of the rootfs, makes it the container's root, and unmounts the host's",
    calls: "mount open_tree mount_setattr move_mount chdir fchdir pivot_root umount2",
  },
  "root.readonly": {
    does: "makes the mount of the rootfs read-only, after the hooks of create",
    calls: "mount_setattr",
  },
  hostname: { does: "sets the name, in the container's own UTS namespace", calls: "sethostname" },
  domainname: { does: "sets the name, in the container's own UTS namespace", calls: "setdomainname" },
  annotations: {
    does: "passes them to hooks and prints them in state; a few of tsrun's, crun's and systemd's change what it does",
    calls: "",
  },

  process: { does: "becomes the program, once start asks for it", calls: "execve" },
  "process.terminal": {
    does: "opens a pseudoterminal of the container's devpts, makes it the session's, and hands its other end over",
    calls: "ioctl fchownat mkdirat mknodat open_tree move_mount",
  },
  "process.consoleSize": {
    does: "sets the terminal's size, where the caller has no terminal of its own",
    calls: "ioctl",
  },
  "process.cwd": {
    does: "makes the directory if it is missing, and enters it as root, or as the user",
    calls: "mkdirat fchdir",
  },
  "process.env": {
    does: "gives these to the program, and nothing of the caller's; adds HOME if it is missing",
    calls: "execve",
  },
  "process.args": {
    does: "looks the program up as the user, in PATH of the container",
    calls: "close_range execve",
  },
  "process.user": {
    does: "takes on the ids, once everything that needs root is done",
    calls: "prctl setgroups setresgid setresuid",
  },
  "process.user.umask": { does: "sets the mask, 0022 unless it is given", calls: "umask" },
  "process.rlimits": { does: "sets them from outside, before the program is executed", calls: "prlimit64" },
  "process.apparmorProfile": {
    does: "has the kernel change the profile when the program is executed",
    calls: "write",
  },
  "process.selinuxLabel": {
    does: "has the kernel change the label when the program is executed",
    calls: "write",
  },
  "process.capabilities": {
    does: "sets all five sets; leaves out names that this kernel does not know, with a warning",
    calls: "capset",
  },
  "process.capabilities.bounding": { does: "drops all others from the bounding set", calls: "prctl" },
  "process.capabilities.ambient": { does: "raises each of them, once it is inheritable", calls: "prctl" },
  "process.noNewPrivileges": { does: "sets the flag, which can't be cleared", calls: "prctl" },
  "process.oomScoreAdj": { does: "writes /proc/PID/oom_score_adj from outside", calls: "write" },
  "process.scheduler": {
    does: "sets it from outside, before the program is executed",
    calls: "sched_setattr",
  },
  "process.ioPriority": { does: "sets it from outside, before the program is executed", calls: "ioprio_set" },
  "process.execCPUAffinity": {
    does: "confines the processes of exec, not the container's init",
    calls: "sched_setaffinity",
  },

  mounts: {
    does: "makes new mounts outside of any directory, and moves each to its place, which no link can lead out of",
    calls: "fsopen fsconfig fsmount open_tree mount_setattr move_mount mkdirat openat2",
  },
  "mounts[].options": {
    does: "sets those that are flags of the mount, and passes others to the file system (docs/mounts.md)",
    calls: "fsconfig mount_setattr",
  },
  "mounts[].{uidMappings,gidMappings}": {
    does: "makes a user namespace with these ids, and shows the mount in it",
    calls: "clone3 write mount_setattr",
  },

  hooks: {
    does: "runs them in order; if one fails, the container ends, except for poststop",
    calls: "execve",
  },
  "hooks.{prestart,createRuntime}": {
    does: `${HOST_HOOKS}; the container has its mounts, and can still be added to`,
    calls: "execve",
  },
  "hooks.createContainer": {
    does: "runs the program of the host in the container's namespaces, before pivot_root",
    calls: "execve",
  },
  "hooks.startContainer": {
    does: "runs the program of the image in the container, right before the container's own",
    calls: "execve",
  },
  "hooks.poststart": { does: `${HOST_HOOKS}; one that fails ends the container`, calls: "execve" },
  "hooks.poststop": {
    does: `${HOST_HOOKS}, when nothing of the container is left; a failure is a warning`,
    calls: "execve",
  },

  linux: { does: "see its properties", calls: "" },
  "linux.namespaces": {
    does: "joins those with a path, then clones the init into new ones; a cgroup namespace once it is in its cgroup",
    calls: "clone3 unshare",
  },
  "linux.namespaces[].path": {
    does: "opens it on the host, requires its kind, and joins it",
    calls: "setns",
  },
  "linux.{uidMappings,gidMappings}": {
    does: "writes the maps of the new user namespace from outside; an ordinary user's by newuidmap and newgidmap; then becomes its root",
    calls: "write setgroups setresgid setresuid prctl",
  },
  "linux.timeOffsets": {
    does: "sets the clocks of the new time namespace, before a process is in it",
    calls: "write",
  },
  "linux.devices": {
    does: "makes the nodes; in a user namespace, where that is forbidden, mounts the host's on files",
    calls: "mknodat fchownat",
  },
  "linux.netDevices": {
    does: "moves the devices by rtnetlink, with their addresses, and brings them up",
    calls: "sendto",
  },
  "linux.cgroupsPath": {
    does: "makes the cgroup and those above it, for the init to be born in; or has systemd make a scope",
    calls: "mkdirat write",
  },
  "linux.rootfsPropagation": {
    does: "keeps mounts from reaching the host, then gives the new root this propagation",
    calls: "mount",
  },
  "linux.seccomp": {
    does: "compiles the profile by libseccomp, caches the result, and loads it right before the program starts",
    calls: "seccomp",
  },
  "linux.seccomp.{listenerPath,listenerMetadata}": {
    does: "sends the filter's descriptor and the state to the agent's socket",
    calls: "seccomp pidfd_getfd sendmsg",
  },
  "linux.sysctl": {
    does: "writes the files below /proc/sys, of a proc of its own, if they belong to a namespace of the container",
    calls: "fsopen fsconfig fsmount write",
  },
  "linux.maskedPaths": {
    does: "covers files with the host's /dev/null and directories with an empty tmpfs, read-only, after the hooks of create",
    calls: "fsopen fsconfig fsmount open_tree mount_setattr move_mount",
  },
  "linux.readonlyPaths": {
    does: "mounts each path on itself, read-only with all that is below, after the hooks of create",
    calls: "open_tree mount_setattr move_mount",
  },
  "linux.mountLabel": { does: "gives file systems the option context", calls: "fsconfig" },
  "linux.intelRdt": {
    does: "makes a group of resctrl, writes its schemata, and moves the init there",
    calls: "mkdirat write",
  },
  "linux.memoryPolicy": { does: "sets the policy, which the program inherits", calls: "set_mempolicy" },
  "linux.personality": { does: "sets the domain, which the program inherits", calls: "personality" },

  "linux.resources": {
    does: "limits the cgroup before the init is in it; a limit whose controller is missing is refused",
    calls: "write",
  },
  "linux.resources.devices": {
    does: "compiles the rules to a program of the kernel's, and attaches it to the cgroup",
    calls: "bpf",
  },
  "linux.resources.memory": CGROUP_FILE("memory.*"),
  "linux.resources.memory.limit": CGROUP_FILE("memory.max"),
  "linux.resources.memory.reservation": CGROUP_FILE("memory.low"),
  "linux.resources.memory.swap": CGROUP_FILE("memory.swap.max", ": the limit less that of memory"),
  "linux.resources.memory.checkBeforeUpdate": {
    does: "compares memory.current before it writes memory.max",
    calls: "read",
  },
  "linux.resources.cpu": CGROUP_FILE("cpu.* and cpuset.*"),
  "linux.resources.cpu.shares": CGROUP_FILE("cpu.weight", ": 1024 is 100"),
  "linux.resources.cpu.{quota,period}": CGROUP_FILE("cpu.max"),
  "linux.resources.cpu.burst": CGROUP_FILE("cpu.max.burst"),
  "linux.resources.cpu.idle": CGROUP_FILE("cpu.idle"),
  "linux.resources.cpu.cpus": CGROUP_FILE("cpuset.cpus"),
  "linux.resources.cpu.mems": CGROUP_FILE("cpuset.mems"),
  "linux.resources.pids": CGROUP_FILE("pids.max"),
  "linux.resources.blockIO": CGROUP_FILE("io.*"),
  "linux.resources.blockIO.{weight,weightDevice}": CGROUP_FILE("io.bfq.weight", ", or io.weight"),
  "linux.resources.blockIO.throttle{ReadBps,WriteBps,ReadIOPS,WriteIOPS}Device": CGROUP_FILE("io.max"),
  "linux.resources.hugepageLimits": CGROUP_FILE("hugetlb.SIZE.max and hugetlb.SIZE.rsvd.max"),
  "linux.resources.rdma": CGROUP_FILE("rdma.max"),
  "linux.resources.unified": CGROUP_FILE("these files"),
};
