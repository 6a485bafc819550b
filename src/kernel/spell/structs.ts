/** How structures of system calls are printed, without fields that say nothing. structs.ts packs them. */
import { CAPABILITIES } from "../../../runtime-spec/config-process.ts";
import { LINUX_CAPABILITY_VERSION_3 } from "../constants.ts";
import { FAMILIES, type Family } from "./families.ts";
import { flagsIn, nameIn, octal, ofBytes, openFlags } from "./kinds.ts";

/** `{attr_set=MOUNT_ATTR_RDONLY, userns_fd=5}`: the fields that are not 0. */
function fields(words: readonly (readonly [name: string, printed: string])[]): string {
  return `{${words.flatMap(([name, printed]) => (printed === "0" ? [] : [`${name}=${printed}`])).join(", ")}}`;
}

const word = (view: DataView, at: number) => view.getBigUint64(at, true);
const number = (view: DataView, at: number) => String(word(view, at));

/** A C string. */
function text(view: DataView, at: number, length: number): string {
  return new TextDecoder()
    .decode(new Uint8Array(view.buffer, view.byteOffset + at, length))
    .replace(/\0.*/s, "");
}

/** `{O_PATH|O_CLOEXEC, RESOLVE_IN_ROOT}`: flags, the mode of a file that is made, how the path is resolved. */
export const openHow = ofBytes((view) => {
  const mode = word(view, 8);
  const how = flagsIn(word(view, 16), FAMILIES.RESOLVE);
  return `{${[openFlags(word(view, 0)), ...(mode === 0n ? [] : [octal(mode)]), how].join(", ")}}`;
});

export const mountAttr = ofBytes((view) =>
  fields([
    ["attr_set", flagsIn(word(view, 0), FAMILIES.MOUNT_ATTR)],
    ["attr_clr", flagsIn(word(view, 8), FAMILIES.MOUNT_ATTR)],
    ["propagation", flagsIn(word(view, 16), FAMILIES.MS)],
    ["userns_fd", number(view, 24)],
  ]),
);

export const cloneArgs = ofBytes((view) =>
  fields([
    ["flags", flagsIn(word(view, 0), FAMILIES.CLONE)],
    ["exit_signal", number(view, 32)],
    ["cgroup", number(view, 80)],
  ]),
);

const INFINITY = 0xffff_ffff_ffff_ffffn;

export const rlimit = ofBytes((view) => {
  const [soft, hard] = [0, 8].map((at) =>
    word(view, at) === INFINITY ? "RLIM64_INFINITY" : number(view, at),
  );
  return `{rlim_cur=${soft}, rlim_max=${hard}}`;
});

export const timespec = ofBytes((view) => `{tv_sec=${number(view, 0)}, tv_nsec=${number(view, 8)}}`);

/** `struct ifreq` of SIOCSIFFLAGS. */
export const interfaceFlags = ofBytes((view) => {
  const name = new TextDecoder()
    .decode(new Uint8Array(view.buffer, view.byteOffset, 16))
    .replace(/\0.*/s, "");
  const flags = flagsIn(BigInt(view.getUint16(16, true)), FAMILIES.IFF);
  return `{ifr_name=${JSON.stringify(name)}, ifr_flags=${flags}}`;
});

export const windowSize = ofBytes(
  (view) => `{ws_row=${view.getUint16(0, true)}, ws_col=${view.getUint16(2, true)}}`,
);

export const integer = ofBytes((view) => `[${view.getInt32(0, true)}]`);

export const groups = ofBytes((view) => {
  const ids = Array.from({ length: view.byteLength / 4 }, (_, index) => view.getUint32(index * 4, true));
  return `[${ids.join(", ")}]`;
});

/** The numbers of the bits that are set, CPUs or nodes, as cpuset(7) lists them: `[0-3,7]`. */
export const bits = ofBytes((view) => {
  const isSet = (bit: number) =>
    bit < view.byteLength * 8 && ((view.getUint8(bit >> 3) >> (bit & 7)) & 1) === 1;
  const ranges: string[] = [];
  for (let bit = 0; bit < view.byteLength * 8; bit++) {
    const first = bit;
    while (isSet(bit)) bit++;
    if (bit > first) ranges.push(bit - 1 === first ? `${first}` : `${first}-${bit - 1}`);
  }
  return `[${ranges.join(",")}]`;
});

/** By number; `CAP_41` is one that only a later kernel has a name for. */
export const CAPS: Family = Array.from({ length: 64 }, (_, number) => [
  CAPABILITIES[number] ?? `CAP_${number}`,
  BigInt(number),
]);
const CAP_BITS: Family = CAPS.map(([name, number]) => [name, 1n << number]);

export const capHeader = ofBytes((view) => {
  const version = view.getUint32(0, true);
  const name =
    version === LINUX_CAPABILITY_VERSION_3 ? "_LINUX_CAPABILITY_VERSION_3" : `0x${version.toString(16)}`;
  return `{version=${name}, pid=${view.getInt32(4, true)}}`;
});

export const capData = ofBytes((view) => {
  const set = (at: number) =>
    flagsIn(BigInt(view.getUint32(at, true)) | (BigInt(view.getUint32(at + 12, true)) << 32n), CAP_BITS);
  return `{effective=${set(0)}, permitted=${set(4)}, inheritable=${set(8)}}`;
});

/** `struct sock_fprog`; the instructions are elsewhere. */
export const filter = ofBytes((view) => `{len=${view.getUint16(0, true)}}`);

export const schedAttr = ofBytes((view) =>
  fields([
    ["sched_policy", nameIn(BigInt(view.getUint32(4, true)), FAMILIES.SCHED)],
    ["sched_flags", flagsIn(word(view, 8), FAMILIES.SCHED_FLAG)],
    ["sched_nice", String(view.getInt32(16, true))],
    ["sched_priority", String(view.getUint32(20, true))],
    ["sched_runtime", number(view, 24)],
    ["sched_deadline", number(view, 32)],
    ["sched_period", number(view, 40)],
  ]),
);

/** `union bpf_attr` of BPF_PROG_LOAD. */
export const loadedProgram = ofBytes((view) => {
  const name = text(view, 48, 16);
  const type = nameIn(BigInt(view.getUint32(0, true)), FAMILIES.BPF_PROG_TYPE);
  return `{prog_type=${type}, insn_cnt=${view.getUint32(4, true)}, prog_name=${JSON.stringify(name)}}`;
});

/** The same of BPF_PROG_ATTACH. */
export const attachedProgram = ofBytes((view) => {
  const [target, program, type, flags] = [0, 4, 8, 12].map((at) => BigInt(view.getUint32(at, true)));
  return fields([
    ["target_fd", String(target)],
    ["attach_bpf_fd", String(program)],
    ["attach_type", nameIn(type ?? 0n, FAMILIES.BPF_ATTACH_TYPE)],
    ["attach_flags", flagsIn(flags ?? 0n, FAMILIES.BPF_F)],
  ]);
});

/** `struct landlock_ruleset_attr`. */
export const rulesetRights = ofBytes((view) =>
  fields([
    ["handled_access_fs", flagsIn(word(view, 0), FAMILIES.LANDLOCK_ACCESS_FS)],
    ["handled_access_net", flagsIn(word(view, 8), FAMILIES.LANDLOCK_ACCESS_NET)],
    ["scoped", flagsIn(word(view, 16), FAMILIES.LANDLOCK_SCOPE)],
  ]),
);

/** `struct landlock_path_beneath_attr`. */
export const pathBeneath = ofBytes((view) => {
  const access = flagsIn(word(view, 0), FAMILIES.LANDLOCK_ACCESS_FS);
  return `{allowed_access=${access}, parent_fd=${view.getInt32(8, true)}}`;
});

/** `struct landlock_net_port_attr`. */
export const netPort = ofBytes(
  (view) =>
    `{allowed_access=${flagsIn(word(view, 0), FAMILIES.LANDLOCK_ACCESS_NET)}, port=${number(view, 8)}}`,
);
