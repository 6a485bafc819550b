/** The nodes of devices in a container. */
import type { Device } from "../../../../runtime-spec/config-linux.ts";
import { O_DIRECTORY, O_NOFOLLOW, S_IFBLK, S_IFCHR, S_IFIFO, S_IFMT } from "../../../kernel/constants.ts";
import { listDirectory } from "../../../kernel/list-directory.ts";
import type { FileStatus } from "../../../kernel/structs.ts";
import { containerDevices, makesDevices, ownDevices } from "../../../linux/devices/devices.ts";
import { names } from "../../../linux/inside.ts";
import { type Area, compared, differs, type Finding, orUnseen, same } from "../finding.ts";
import type { Subject } from "../subject.ts";

export const devices: Area = {
  of: "linux.devices",
  look(subject) {
    const { config } = subject.bundle;
    if (!makesDevices(config)) return []; // they are those of a directory that is mounted there
    const isOwn = ownDevices(config);
    const listed = config.linux?.devices ?? [];
    const wanted = containerDevices(listed).filter(({ device }) => isOwn(device.path));
    return [
      ...wanted.map(({ device }) => look(subject, device, listed.indexOf(device))),
      ...addedNodes(subject, new Set(wanted.map(({ device }) => names(device.path).join("/")))),
    ];
  },
};

function look(subject: Subject, device: Device, index: number): Finding {
  const path = index < 0 ? "linux.devices" : `linux.devices[${index}]`;
  const asked = `${device.path} (${deviceText(device)})`;
  return orUnseen(path, asked, () => lookAt(subject, device, { index, path, asked }));
}

interface Told {
  readonly index: number;
  readonly path: string;
  readonly asked: string;
}

function lookAt(subject: Subject, device: Device, { index, path, asked }: Told): Finding {
  const there = subject.at(device.path, O_NOFOLLOW);
  if (there === null) return differs(path, `nothing is at ${device.path}`, asked);
  const found = nodeText(there.status);
  if (found !== deviceText(device)) return differs(path, `${device.path} is ${found}`, asked);
  const isMount = there.status.isMountRoot; // a node of the host's, with the host's owner and mode
  if (index < 0 || isMount) return same(path, asked);
  return compared(
    path,
    `${asked} with ${rightsOf(subject, there.status)}`,
    `${asked} with ${rightsAsked(device)}`,
  );
}

const deviceText = ({ type, major = 0, minor = 0 }: Device) =>
  type === "p" ? "p" : `${type === "b" ? "b" : "c"} ${major}:${minor}`;

function nodeText({ mode, deviceType }: FileStatus): string {
  const kind = mode & S_IFMT;
  if (kind === S_IFIFO) return "p";
  if (kind !== S_IFCHR && kind !== S_IFBLK) return "no device";
  return `${kind === S_IFBLK ? "b" : "c"} ${deviceType.join(":")}`;
}

const rights = (mode: number, uid: number | string, gid: number | string) =>
  `mode ${(mode & 0o7777).toString(8).padStart(4, "0")} and owner ${uid}:${gid}`;

const rightsAsked = ({ fileMode = 0o666, uid = 0, gid = 0 }: Device) => rights(fileMode, uid, gid);

const rightsOf = ({ uids, gids }: Subject, { mode, uid, gid }: FileStatus) =>
  rights(mode, uids.inside(uid), gids.inside(gid));

/** So many names in /dev are looked at. */
const MOST = 4096;

/** The console is a terminal of the container's own, and ptmx the device that makes these. */
const USUAL = ["console", "ptmx"];

/** Nodes of /dev that no property asks for. */
function addedNodes(subject: Subject, wanted: ReadonlySet<string>): readonly Finding[] {
  const listed = subject.open("/dev", O_DIRECTORY, (fd) => listDirectory(".", fd, MOST)) ?? [];
  return listed.flatMap(({ name, isDirectory }) => {
    if (isDirectory || USUAL.includes(name) || wanted.has(`dev/${name}`)) return [];
    const there = subject.at(`/dev/${name}`, O_NOFOLLOW);
    if (there === null || there.status.isMountRoot) return []; // mounts are looked at by themselves
    const kind = there.status.mode & S_IFMT;
    if (kind !== S_IFCHR && kind !== S_IFBLK) return [];
    return [differs("linux.devices", `added: /dev/${name} (${nodeText(there.status)})`, "no such device")];
  });
}
