/** landlock(7): linux/landlock.h, and its three system calls. Loaded only for those that ask for it. */
import type { Argument, Call, Fd } from "./call.ts";

export const LANDLOCK_CREATE_RULESET_VERSION = 1;

export const LANDLOCK_RULE_PATH_BENEATH = 1;
export const LANDLOCK_RULE_NET_PORT = 2;

export const LANDLOCK_ACCESS_FS_EXECUTE = 0x1;
export const LANDLOCK_ACCESS_FS_WRITE_FILE = 0x2;
export const LANDLOCK_ACCESS_FS_READ_FILE = 0x4;
export const LANDLOCK_ACCESS_FS_READ_DIR = 0x8;
export const LANDLOCK_ACCESS_FS_REMOVE_DIR = 0x10;
export const LANDLOCK_ACCESS_FS_REMOVE_FILE = 0x20;
export const LANDLOCK_ACCESS_FS_MAKE_CHAR = 0x40;
export const LANDLOCK_ACCESS_FS_MAKE_DIR = 0x80;
export const LANDLOCK_ACCESS_FS_MAKE_REG = 0x100;
export const LANDLOCK_ACCESS_FS_MAKE_SOCK = 0x200;
export const LANDLOCK_ACCESS_FS_MAKE_FIFO = 0x400;
export const LANDLOCK_ACCESS_FS_MAKE_BLOCK = 0x800;
export const LANDLOCK_ACCESS_FS_MAKE_SYM = 0x1000;
export const LANDLOCK_ACCESS_FS_REFER = 0x2000;
export const LANDLOCK_ACCESS_FS_TRUNCATE = 0x4000;
export const LANDLOCK_ACCESS_FS_IOCTL_DEV = 0x8000;

export const LANDLOCK_ACCESS_NET_BIND_TCP = 0x1;
export const LANDLOCK_ACCESS_NET_CONNECT_TCP = 0x2;

export const LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET = 0x1;
export const LANDLOCK_SCOPE_SIGNAL = 0x2;

/** What a ruleset forbids unless a rule allows it: masks of LANDLOCK_ACCESS_FS_…, …_NET_…, LANDLOCK_SCOPE_…. */
export interface RulesetRights {
  readonly fs: bigint;
  readonly net: bigint;
  readonly scoped: bigint;
}

/** The ABI of this kernel: that of `landlock_create_ruleset(NULL, 0, LANDLOCK_CREATE_RULESET_VERSION)`. */
export const landlockVersion = (): Call => create(0, 0, LANDLOCK_CREATE_RULESET_VERSION);

/** landlock_create_ruleset(2) of a `struct landlock_ruleset_attr`; older kernels take the longer one if its end is 0. */
export function landlockCreateRuleset({ fs, net, scoped }: RulesetRights): Call {
  const attributes = new Uint8Array(new BigUint64Array([fs, net, scoped]).buffer);
  return create(attributes, attributes.byteLength, 0);
}

const create = (attributes: Argument, size: number, flags: number): Call => ({
  name: "landlock_create_ruleset",
  args: [attributes, size, flags],
});

/** landlock_add_rule(2) about what is beneath the file or directory that a descriptor of the caller's is open for. */
export function landlockAddPath(ruleset: Fd, access: bigint, parent: number): Call {
  const attributes = new DataView(new ArrayBuffer(12)); // `struct landlock_path_beneath_attr` is packed
  attributes.setBigUint64(0, access, true);
  attributes.setInt32(8, parent, true);
  return addRule(ruleset, LANDLOCK_RULE_PATH_BENEATH, new Uint8Array(attributes.buffer));
}

/** landlock_add_rule(2) about a TCP port. */
export function landlockAddPort(ruleset: Fd, access: bigint, port: number): Call {
  const attributes = new Uint8Array(new BigUint64Array([access, BigInt(port)]).buffer);
  return addRule(ruleset, LANDLOCK_RULE_NET_PORT, attributes);
}

const addRule = (ruleset: Fd, type: number, attributes: Uint8Array): Call => ({
  name: "landlock_add_rule",
  args: [ruleset, type, attributes, 0],
});

/** landlock_restrict_self(2): holds for the calling thread, and all that it will be. */
export const landlockRestrictSelf = (ruleset: Fd): Call => ({
  name: "landlock_restrict_self",
  args: [ruleset, 0],
});
