/**
 * The messages of criu(8) (https://criu.org/RPC; images/rpc.proto in its sources), as far as tsrun uses them. Field
 * numbers are the protocol's; the names are ours.
 */
import type { Message } from "./protobuf.ts";

/** Annotation of a config.json that names a file with settings for criu(8), as in runc. */
export const CRIU_CONFIG_ANNOTATION = "org.criu.config";

const int = (number: number) => ({ kind: "int", number }) as const;
const bool = (number: number) => ({ kind: "bool", number }) as const;
const string = (number: number) => ({ kind: "string", number }) as const;
const strings = (number: number) => ({ kind: "strings", number }) as const;

/** Types of requests and answers. */
export const TYPES = { dump: 1, restore: 2, preDump: 4, notify: 6, version: 10 } as const;

/** How cgroups are treated: `criu_cg_mode`. */
export const CGROUP_MODES = { ignore: 0, soft: 3, full: 4, strict: 5 } as const;

/** An external mount. For a dump: its mount point and a name for it; for a restore: that name and what to mount. */
const MOUNT = { key: string(1), value: string(2) } as const;
const PAGE_SERVER = { address: string(1), port: int(2) } as const;
const CGROUP_ROOT = { controller: string(1), path: string(2) } as const;
const INHERITED = { key: string(1), fd: int(2) } as const;
const JOINED = { type: string(1), file: string(2) } as const;

const OPTIONS = {
  imagesDirectory: int(1),
  pid: int(2),
  leaveRunning: bool(3),
  extUnixSk: bool(4),
  tcpEstablished: bool(5),
  evasiveDevices: bool(6),
  shellJob: bool(7),
  fileLocks: bool(8),
  logLevel: int(9),
  logFile: string(10),
  pageServer: { kind: "message", number: 11, fields: PAGE_SERVER },
  notifyScripts: bool(12),
  root: string(13),
  parentImages: string(14),
  trackMemory: bool(15),
  autoDedup: bool(16),
  workDirectory: int(17),
  linkRemap: bool(18),
  externalMounts: { kind: "messages", number: 23, fields: MOUNT },
  manageCgroups: bool(24),
  cgroupRoots: { kind: "messages", number: 25, fields: CGROUP_ROOT },
  restoreAsSibling: bool(26),
  inherited: { kind: "messages", number: 27, fields: INHERITED },
  manageCgroupsMode: int(34),
  external: strings(37),
  emptyNamespaces: int(38),
  joined: { kind: "messages", number: 39, fields: JOINED },
  freezeCgroup: string(44),
  tcpSkipInFlight: bool(46),
  lazyPages: bool(48),
  statusFd: int(49),
  orphanPtsMaster: bool(50),
  configFile: string(51),
  lsmProfile: string(53),
  lsmMountContext: string(63),
} as const;

export type CriuOptions = Message<typeof OPTIONS>;

export const REQUEST = {
  type: int(1),
  options: { kind: "message", number: 2, fields: OPTIONS },
  notifySuccess: bool(3),
} as const;

export const RESPONSE = {
  type: int(1),
  success: bool(2),
  restored: { kind: "message", number: 4, fields: { pid: int(1) } },
  notify: { kind: "message", number: 5, fields: { script: string(1), pid: int(2) } },
  errno: int(7),
  errorMessage: string(9),
  version: { kind: "message", number: 10, fields: { major: int(1), minor: int(2), sublevel: int(4) } },
} as const;

export type Response = Message<typeof RESPONSE>;
