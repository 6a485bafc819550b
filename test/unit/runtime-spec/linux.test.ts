import { test } from "uvu";
import { accepts, config, refuses, warns, withLinux, withNamespaces } from "./claims.ts";

const MAPS_NOTHING =
  'a new user namespace maps no ids by itself; write [{ "containerID": 0, "hostID": 100000, "size": 65536 }], or what "tsrun spec --rootless" writes';

const NEW_USER = [{ type: "mount" }, { type: "user" }];
const USER = { namespaces: NEW_USER };
const all = [{ containerID: 0, hostID: 100000, size: 65536 }];

accepts("no namespaces at all", withLinux({ namespaces: null }));
accepts(
  "joined namespaces",
  withNamespaces({ type: "network", path: "/run/netns/a" }, { type: "pid", path: "" }),
);
refuses(
  "namespaces without an absolute path",
  withNamespaces({ type: "pid" }, { type: "uts" }, { type: "network", path: "proc/1/ns/net" }),
  'linux.namespaces[2].path must be absolute, found "proc/1/ns/net"',
);
refuses("a namespace without a type", withNamespaces({ path: "/x" }), "linux.namespaces[0].type is required");
refuses(
  "a namespace twice",
  withNamespaces({ type: "pid" }, { type: "uts" }, { type: "pid", path: "/x" }),
  'linux.namespaces[2].type is listed twice: "pid" is in [0]',
);

accepts("a new user namespace", withLinux({ ...USER, uidMappings: all, gidMappings: all }));
accepts("a joined user namespace", withNamespaces({ type: "user", path: "/proc/7/ns/user" }));
refuses(
  "a new user namespace without mappings",
  withLinux({ ...USER, uidMappings: [] }),
  `linux.uidMappings is required: ${MAPS_NOTHING}`,
  `linux.gidMappings is required: ${MAPS_NOTHING}`,
);
refuses(
  "mappings without a user namespace",
  withLinux({ uidMappings: all, gidMappings: all }),
  'linux.uidMappings needs { "type": "user" } in linux.namespaces',
  'linux.gidMappings needs { "type": "user" } in linux.namespaces',
);
refuses(
  "mappings that overlap",
  withLinux({
    ...USER,
    uidMappings: [...all, { containerID: 65535, hostID: 1, size: 1 }],
    gidMappings: [...all, { containerID: 65536, hostID: 99999, size: 2 }],
  }),
  "linux.uidMappings[1].containerID overlaps the mapping in [0]",
  "linux.gidMappings[1].hostID overlaps the mapping in [0]",
);
refuses(
  "a mapping of nothing",
  withLinux({ ...USER, uidMappings: [{ containerID: 0, hostID: 0, size: 0 }], gidMappings: all }),
  "linux.uidMappings[0].size must be from 1 to 4294967295, found 0",
);
refuses(
  "a mapping beyond the last id",
  withLinux({ ...USER, uidMappings: [{ containerID: 0, hostID: 1, size: 4294967295 }], gidMappings: all }),
  "linux.uidMappings[0].size is too large: hostID + size must not exceed 4294967295, found 4294967296",
);
const mappings = (count: number) =>
  Array.from({ length: count }, (_, id) => ({ containerID: id, hostID: id, size: 1 }));
accepts(
  "as many mappings as the kernel takes",
  withLinux({ ...USER, uidMappings: mappings(340), gidMappings: all }),
);
refuses(
  "too many mappings",
  withLinux({
    ...USER,
    uidMappings: mappings(341),
    gidMappings: all,
  }),
  "linux.uidMappings must not have more than 340 mappings, found 341",
);
refuses(
  "a user that is not mapped",
  config(
    {},
    { user: { uid: 65536, gid: 70000, additionalGids: [0, 80000] } },
    { ...USER, uidMappings: all, gidMappings: all },
  ),
  "process.user.uid is not mapped by linux.uidMappings: 65536",
  "process.user.gid is not mapped by linux.gidMappings: 70000",
  "process.user.additionalGids[1] is not mapped by linux.gidMappings: 80000",
);

const timeOffsets = { monotonic: { secs: -5, nanosecs: 999999999 }, boottime: {} };
accepts("time offsets", withLinux({ namespaces: [{ type: "time" }], timeOffsets }));
refuses(
  "time offsets without a time namespace",
  withLinux({ timeOffsets }),
  'linux.timeOffsets needs { "type": "time" } in linux.namespaces',
);
refuses(
  "time offsets in a joined time namespace",
  withLinux({ namespaces: [{ type: "time", path: "/x" }], timeOffsets }),
  "linux.timeOffsets cannot be set: the time namespace is joined by its path, and has its own offsets",
);
refuses(
  "nanoseconds of more than a second",
  withLinux({ namespaces: [{ type: "time" }], timeOffsets: { boottime: { nanosecs: 1e9 } } }),
  "linux.timeOffsets.boottime.nanosecs must be from 0 to 999999999, found 1000000000",
);

refuses(
  "relative paths to mask or protect",
  withLinux({ maskedPaths: ["/proc/kcore", "proc/keys"], readonlyPaths: [""] }),
  'linux.maskedPaths[1] must be absolute, found "proc/keys"',
  'linux.readonlyPaths[0] must be absolute, found ""',
);
refuses(
  "paths to mask or protect without a mount namespace",
  withLinux({ namespaces: [], maskedPaths: ["/a"], readonlyPaths: ["/b"] }),
  'linux.maskedPaths needs { "type": "mount" } in linux.namespaces',
  'linux.readonlyPaths needs { "type": "mount" } in linux.namespaces',
);

for (const rootfsPropagation of [
  "shared",
  "slave",
  "private",
  "unbindable",
  "rshared",
  "rslave",
  "rprivate",
  "runbindable",
]) {
  accepts(`rootfsPropagation ${rootfsPropagation}`, withLinux({ rootfsPropagation }));
}
refuses(
  "an unknown propagation",
  withLinux({ rootfsPropagation: "public" }),
  'linux.rootfsPropagation is not a mount propagation: "public" (one of: shared, slave, private, unbindable, rshared, rslave, rprivate, runbindable)',
);

const device = (device: unknown) => withLinux({ devices: [device] });
accepts(
  "a device with a whole st_mode",
  device({ path: "/dev/x", type: "c", major: 4095, minor: 1048575, fileMode: 0o20666, uid: 0, gid: 0 }),
);
accepts("a FIFO without numbers", device({ path: "/dev/fifo", type: "p" }));
for (const type of ["b", "c", "u"]) {
  refuses(
    `a device without numbers: ${type}`,
    device({ path: "/dev/x", type }),
    `linux.devices[0].major is required for a device of type "${type}"`,
    `linux.devices[0].minor is required for a device of type "${type}"`,
  );
}
refuses(
  "a device that cannot be",
  device({ path: "dev/x", type: "a", major: -1, minor: 1048576, fileMode: 65536 }),
  'linux.devices[0].type is not a device type: "a" (one of: b, c, u, p)',
  'linux.devices[0].path must be absolute, found "dev/x"',
  "linux.devices[0].major must not be negative, found -1",
  "linux.devices[0].minor must be from 0 to 1048575, found 1048576",
  "linux.devices[0].fileMode must be from 0 to 65535, found 65536",
);

const netDevices = (netDevices: unknown) => withLinux({ netDevices });
accepts(
  "network devices",
  netDevices({ eth0: {}, "eth1.100": { name: "a".repeat(15) }, eth2: { name: "" } }),
);
refuses(
  "network device names that the kernel refuses",
  netDevices({ "a/b": {}, a: { name: "a b" }, b: { name: "b".repeat(16) }, c: { name: ".." }, "": {} }),
  'linux.netDevices["a/b"] must not contain slashes, colons or white space, found "a/b"',
  'linux.netDevices.a.name must not contain slashes, colons or white space, found "a b"',
  `linux.netDevices.b.name must not be longer than 15 bytes, found "${"b".repeat(16)}"`,
  'linux.netDevices.c.name is not a network interface name, found ".."',
  'linux.netDevices[""] is not a network interface name, found ""',
);
refuses(
  "network devices with the same name",
  netDevices({ eth0: {}, eth1: { name: "eth0" } }),
  'linux.netDevices.eth1.name is also the name that "eth0" gets: "eth0"',
);
refuses(
  "network devices without a network namespace",
  withLinux({ namespaces: [], netDevices: { eth0: {} } }),
  'linux.netDevices needs { "type": "network" } in linux.namespaces',
);

accepts(
  "Intel RDT",
  withLinux({
    intelRdt: {
      closID: "a",
      schemata: ["L3:0=f"],
      l3CacheSchema: "L3:0=f",
      memBwSchema: "MB:0=5",
      enableMonitoring: true,
    },
  }),
);
refuses(
  "Intel RDT names and lines that are none",
  withLinux({ intelRdt: { closID: "../x", schemata: ["L3:0=f\n"], memBwSchema: "L3:0=f" } }),
  'linux.intelRdt.closID must be a directory\'s name, found "../x"',
  'linux.intelRdt.schemata[0] must be one line, found "L3:0=f\\n"',
  'linux.intelRdt.memBwSchema must be one line that starts with "MB:", found "L3:0=f"',
);

const memoryPolicy = (memoryPolicy: unknown) => withLinux({ memoryPolicy });
accepts(
  "a memory policy",
  memoryPolicy({ mode: "MPOL_BIND", nodes: "0-1", flags: ["MPOL_F_STATIC_NODES", "MPOL_F_NUMA_BALANCING"] }),
);
accepts("a memory policy without nodes", memoryPolicy({ mode: "MPOL_PREFERRED" }));
refuses(
  "a memory policy without its nodes",
  memoryPolicy({ mode: "MPOL_INTERLEAVE", nodes: "" }),
  "linux.memoryPolicy.nodes is required with MPOL_INTERLEAVE",
);
refuses(
  "a memory policy with nodes that mean nothing",
  memoryPolicy({ mode: "MPOL_LOCAL", nodes: "0" }),
  'linux.memoryPolicy.nodes has no meaning with MPOL_LOCAL, found "0"',
);
refuses(
  "memory policy flags that exclude each other or the mode",
  memoryPolicy({
    mode: "MPOL_PREFERRED",
    flags: ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES", "MPOL_F_NUMA_BALANCING"],
  }),
  "linux.memoryPolicy.flags must not have both MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES",
  "linux.memoryPolicy.flags[2] MPOL_F_NUMA_BALANCING needs MPOL_BIND or MPOL_PREFERRED_MANY, found MPOL_PREFERRED",
);
refuses(
  "an unknown memory policy",
  memoryPolicy({ mode: "BIND", flags: ["X"] }),
  'linux.memoryPolicy.mode is not a memory policy mode: "BIND" (one of: MPOL_DEFAULT, MPOL_BIND, MPOL_INTERLEAVE, MPOL_WEIGHTED_INTERLEAVE, MPOL_PREFERRED, MPOL_PREFERRED_MANY, MPOL_LOCAL)',
  'linux.memoryPolicy.flags[0] is not a memory policy flag: "X" (one of: MPOL_F_NUMA_BALANCING, MPOL_F_RELATIVE_NODES, MPOL_F_STATIC_NODES)',
);

accepts("a personality", withLinux({ personality: { domain: "LINUX32", flags: [] } }));
warns(
  "personality flags",
  withLinux({ personality: { domain: "LINUX", flags: ["ADDR_NO_RANDOMIZE"] } }),
  "linux.personality.flags is ignored: the spec defines no flags yet",
);
refuses(
  "an unknown personality",
  withLinux({ personality: { domain: "BSD" } }),
  'linux.personality.domain is not a personality domain: "BSD" (one of: LINUX, LINUX32)',
);

test.run();
