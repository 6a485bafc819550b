/**
 * What tsrun does with each property of config.json. Sources of `tsrun explain` and docs/spec-conformance.md; a test
 * compares them with the specification's schemas, the model in runtime-spec/, and the tests that are named.
 */

/** Properties in few words: `root.{path,readonly}` is `root.path` and `root.readonly`; a space parts them. */
export type Properties = string;

/** By file below test/, by title: the properties that this test shows from inside a container or on the host. */
export const SHOWN: Readonly<Record<string, Readonly<Record<string, Properties>>>> = {
  "integration/command-line/spec.test.ts": {
    "what spec writes runs, once its terminal is taken away": "ociVersion",
  },
  "integration/process/program.test.ts": {
    "arguments arrive as they are": "process process.args",
  },
  "integration/process/environment.test.ts": {
    "the environment is config.json's, and nothing of the caller's": "process.env",
  },
  "integration/process/working-directory.test.ts": {
    "the working directory is config.json's": "process.cwd",
  },
  "integration/process/privileges.test.ts": {
    "the user, group and additional groups are config.json's":
      "process.user process.user.{uid,gid,additionalGids}",
    "the umask is config.json's": "process.user.umask",
    "each capability set is its own":
      "process.capabilities process.capabilities.{bounding,permitted,effective,inheritable,ambient}",
    "noNewPrivileges: true is what the program finds": "process.noNewPrivileges",
  },
  "integration/process/limits.test.ts": {
    "rlimits are config.json's": "process.rlimits process.rlimits[].{type,soft,hard}",
    "oomScoreAdj is config.json's": "process.oomScoreAdj",
  },
  "integration/process/process.test.ts": {
    "personality LINUX32 is a 32-bit machine to the process and to what is executed later":
      "linux.personality linux.personality.domain",
  },
  "integration/terminal/terminal.test.ts": {
    "the standard streams are a terminal of the container's own devpts": "process.terminal",
    "process.consoleSize is the terminal's size where the caller has none":
      "process.consoleSize process.consoleSize.{height,width}",
  },
  "integration/process/scheduling.test.ts": {
    '{"policy":"SCHED_FIFO","priority":7} is what the process finds: 0 7 1':
      "process.scheduler process.scheduler.{policy,priority}",
    '{"policy":"SCHED_BATCH","nice":-3} is what the process finds: -3 0 3': "process.scheduler.nice",
    "SCHED_FLAG_RESET_ON_FORK spares the children": "process.scheduler.flags",
    "SCHED_DEADLINE has its runtime, deadline and period": "process.scheduler.{runtime,deadline,period}",
    "IOPRIO_CLASS_BE is what ionice finds": "process.ioPriority process.ioPriority.{class,priority}",
    "execCPUAffinity.final is where an exec'd process runs":
      "process.execCPUAffinity process.execCPUAffinity.final",
    "without execCPUAffinity.final it stays where initial has put it": "process.execCPUAffinity.initial",
  },
  "integration/process/labels.test.ts": {
    "process.selinuxLabel is refused on a kernel without selinux": "process.selinuxLabel",
    "linux.mountLabel is refused on a kernel without selinux": "linux.mountLabel",
  },
  "vm/labels.test.ts": {
    "process.apparmorProfile is the process's profile": "process.apparmorProfile",
  },
  "integration/mounts/rootfs.test.ts": {
    "the container's root is the bundle's root.path": "root root.path",
    "root.readonly makes the root read-only, and not the mounts below it": "root.readonly",
  },
  "integration/namespaces/hostname.test.ts": {
    "the hostname is config.json's, and the host keeps its own": "hostname",
    "the domainname is config.json's, and the host keeps its own": "domainname",
  },
  "integration/mounts/places.test.ts": {
    "mounts are made in the order of the list": "mounts",
  },
  "integration/mounts/bind.test.ts": {
    "a bind mount shows the host's directory, both ways": "mounts[].{destination,source}",
    "ro makes a bind mount read-only inside, and leaves it writable outside": "mounts[].options",
  },
  "integration/mounts/mounts.test.ts": {
    "/proc is the proc that spec asks for": "mounts[].type",
  },
  "integration/mounts/propagation.test.ts": {
    "rootfsPropagation rslave is the propagation of the root": "linux.rootfsPropagation",
  },
  "integration/hooks/hooks.test.ts": {
    "all hooks run, each kind at its moment and in the order of its list":
      "hooks hooks.{prestart,createRuntime,createContainer,startContainer,poststart,poststop}",
  },
  "integration/hooks/input.test.ts": {
    "a createRuntime hook has exactly the environment and arguments given":
      "hooks.{prestart,createRuntime,createContainer,startContainer,poststart,poststop}[].{path,args,env}",
    "a createRuntime hook reads the state on its stdin: creating": "annotations",
  },
  "integration/hooks/failures.test.ts": {
    "a createRuntime hook is killed with its children when its time is up":
      "hooks.{prestart,createRuntime,createContainer,startContainer,poststart}[].timeout",
    "a poststop hook is killed with its children when its time is up, and delete goes on":
      "hooks.poststop[].timeout",
  },
  "integration/namespaces/namespaces.test.ts": {
    "several namespaces of one sandbox are joined at once":
      "linux linux.namespaces linux.namespaces[].{type,path}",
  },
  "integration/namespaces/user.test.ts": {
    "a user namespace has the mappings of config.json":
      "linux.{uidMappings,gidMappings} linux.{uidMappings,gidMappings}[].{containerID,hostID,size}",
  },
  "integration/namespaces/time.test.ts": {
    "timeOffsets set off the clocks of a new time namespace":
      "linux.timeOffsets linux.timeOffsets.{boottime,monotonic} linux.timeOffsets.{boottime,monotonic}.{secs,nanosecs}",
  },
  "integration/devices.test.ts": {
    "a character device is made with the path, numbers, mode and owner that config.json gives it":
      "linux.devices linux.devices[].{type,path,major,minor,fileMode,uid,gid}",
  },
  "integration/namespaces/sysctl.test.ts": {
    "sysctl net.ipv4.ip_forward is the container's, and the host keeps its own": "linux.sysctl",
  },
  "integration/mounts/masked-paths.test.ts": {
    "a masked file reads as empty": "linux.maskedPaths",
    "a read-only path can't be written, whoever may write the file": "linux.readonlyPaths",
  },
  "integration/cgroups/cgroups.test.ts": {
    "an absolute cgroupsPath is taken from the top of the hierarchy": "linux.cgroupsPath",
    "the last rule that fits decides": "linux.resources linux.resources.devices",
    "a rule that allows a device opens it": "linux.resources.devices[].{allow,type,major,minor,access}",
  },
  "integration/cgroups/limits.test.ts": {
    "memory.swap counts memory in, memory.swap.max doesn't": "linux.resources.memory.swap",
    "memory.reservation is memory.low": "linux.resources.memory.reservation",
    "cpu.shares of 1024 is cpu.weight 100, the default of both": "linux.resources.cpu.shares",
  },
  "vm/memory.test.ts": {
    "a process that takes more than the limit is killed, and counted":
      "linux.resources.memory linux.resources.memory.limit",
    "checkBeforeUpdate refuses a limit below what is in use, and without it the process is killed":
      "linux.resources.memory.checkBeforeUpdate",
    "unified limits swap, protects memory and slows its growth": "linux.resources.unified",
  },
  "vm/cpu.test.ts": {
    "a quota of a fifth of a processor is kept": "linux.resources.cpu linux.resources.cpu.{quota,period}",
    "burst is what config.json says": "linux.resources.cpu.burst",
    "an idle container leaves the processor to others": "linux.resources.cpu.idle",
    "cpus and mems are the only ones that the container may use": "linux.resources.cpu.{cpus,mems}",
  },
  "vm/pids.test.ts": {
    "a burst of forks ends at pids.limit, and is counted": "linux.resources.pids linux.resources.pids.limit",
  },
  "vm/io.test.ts": {
    "blockIO's rates are io.max": [
      "linux.resources.blockIO",
      "linux.resources.blockIO.throttle{Read,Write}{Bps,IOPS}Device",
      "linux.resources.blockIO.throttle{Read,Write}{Bps,IOPS}Device[].{major,minor,rate}",
    ].join(" "),
    "blockIO's weights are io.weight, the disk's own first":
      "linux.resources.blockIO.{weight,weightDevice} linux.resources.blockIO.weightDevice[].{major,minor,weight}",
  },
  "vm/hugetlb.test.ts": {
    "a container takes huge pages up to its limit":
      "linux.resources.hugepageLimits linux.resources.hugepageLimits[].{pageSize,limit}",
  },
  "vm/rdma.test.ts": {
    "a limit of an RDMA device that isn't there is refused, and named":
      "linux.resources.rdma linux.resources.rdma.*.{hcaHandles,hcaObjects}",
  },
  "integration/seccomp/seccomp.test.ts": {
    "a denied call fails with EPERM, others go on":
      "linux.seccomp linux.seccomp.{defaultAction,syscalls} linux.seccomp.syscalls[].{names,action}",
    "defaultErrnoRet is what a call fails with that no rule names": "linux.seccomp.defaultErrnoRet",
    "errnoRet is what a denied call fails with": "linux.seccomp.syscalls[].errnoRet",
    "a profile's rules hold for each of its architectures": "linux.seccomp.architectures",
    "a rule holds for the arguments that it names":
      "linux.seccomp.syscalls[].args linux.seccomp.syscalls[].args[].{index,value,op}",
    "a masked comparison looks at the bits of its mask": "linux.seccomp.syscalls[].args[].valueTwo",
  },
  "integration/seccomp/listener.test.ts": {
    "a listener decides about a container's calls, and knows whose they are":
      "linux.seccomp.{listenerPath,listenerMetadata}",
  },
  "integration/process/memory-policy.test.ts": {
    'linux.memoryPolicy {"mode":"MPOL_BIND","nodes":"0","flags":["MPOL_F_STATIC_NODES"]} is bind=static:0':
      "linux.memoryPolicy linux.memoryPolicy.{mode,nodes,flags}",
  },
  "integration/mounts/idmapped.test.ts": {
    "a mount's own mappings say who owns its files, and idmap leaves what is below":
      "mounts[].{uidMappings,gidMappings} mounts[].{uidMappings,gidMappings}[].{containerID,hostID,size}",
  },
  "integration/namespaces/net-devices.test.ts": {
    "it gets the name that the config gives it, and the host has it no more":
      "linux.netDevices linux.netDevices.*.name",
  },
  "unit/linux/resctrl.test.ts": {
    "what the group is already is not written again, and something else is refused":
      "linux.intelRdt linux.intelRdt.{closID,schemata,l3CacheSchema,memBwSchema}",
    "the monitoring group is in the control group, and goes before it": "linux.intelRdt.enableMonitoring",
  },
  "integration/seccomp/flags.test.ts": {
    "a filter with the flags [SECCOMP_FILTER_FLAG_LOG] logs what it denies: true": "linux.seccomp.flags",
  },
};

/** Applied properties whose whole effect no machine of the tests can show, and what is shown instead. */
export const PARTLY_SHOWN: Readonly<Record<Properties, string>> = {
  "linux.intelRdt linux.intelRdt.{closID,schemata,l3CacheSchema,memBwSchema,enableMonitoring}":
    "no machine of the tests has resctrl: the test shows what is written to a directory in its place",
  "process.selinuxLabel linux.mountLabel":
    "no machine of the tests has SELinux: the test shows the refusal there",
  "linux.resources.rdma linux.resources.rdma.*.{hcaHandles,hcaObjects}":
    "no machine of the tests has an RDMA device: the test shows that the limit reaches the kernel",
};

const V1_REALTIME = "cgroup v2 cannot share out realtime CPU time";
const V1_LEAVES = "cgroup v2 has no leaf weights";
const V1_NETWORK = "cgroup v2 has no network controllers";

/** `create` fails with one line that names the first of the properties; nothing is left. */
export const REFUSED: Readonly<Record<Properties, string>> = {
  "process.commandLine": "it is for Windows, and would stand in for process.args",
  "linux.resources.cpu.realtimeRuntime": V1_REALTIME,
  "linux.resources.cpu.realtimePeriod": V1_REALTIME,
  "linux.resources.blockIO.leafWeight": V1_LEAVES,
  "linux.resources.blockIO.weightDevice[].leafWeight": V1_LEAVES,
  "linux.resources.network linux.resources.network.classID": V1_NETWORK,
  "linux.resources.network.priorities linux.resources.network.priorities[].{name,priority}": V1_NETWORK,
};

/** The container runs as if the property were not there, as with runc. */
export const IGNORED: Readonly<Record<Properties, string>> = {
  "linux.resources.memory.{kernel,kernelTCP}": "cgroup v2 counts kernel memory within memory.limit",
  "linux.resources.memory.swappiness": "cgroup v2 has no swappiness of a cgroup",
  "linux.resources.memory.disableOOMKiller": "cgroup v2 cannot switch the OOM killer off for a cgroup",
  "linux.resources.memory.useHierarchy": "cgroup v2 is always hierarchical",
  "linux.personality.flags": "the specification defines no flags yet",
};

/** Of other platforms: ignored, with a warning where the whole section is there. */
export const FOREIGN: Readonly<Record<string, string>> = {
  "process.user.username": "Windows",
  windows: "Windows",
  solaris: "Solaris",
  vm: "virtual machines",
  zos: "z/OS",
  freebsd: "FreeBSD",
};

/** The single properties that are meant. */
export function expand(properties: Properties): readonly string[] {
  return properties.split(" ").flatMap(expandBraces);
}

function expandBraces(path: string): readonly string[] {
  const [whole, before = "", words = "", after = ""] = /^([^{]*)\{([^}]*)\}(.*)$/.exec(path) ?? [];
  if (whole === undefined) return [path];
  return words.split(",").flatMap((word) => expandBraces(`${before}${word}${after}`));
}
