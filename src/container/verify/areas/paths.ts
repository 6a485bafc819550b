/** The root, what of it is hidden, and what can't be written. */
import { S_IFCHR, S_IFDIR, S_IFMT } from "../../../kernel/constants.ts";
import { statusIfThere } from "../../../kernel/files.ts";
import { listDirectory } from "../../../kernel/list-directory.ts";
import { defaultDevice } from "../../../linux/devices/devices.ts";
import { PROPAGATIONS } from "../../../linux/mounts/mount-options.ts";
import { mountOf } from "../../../linux/mounts/mount-table.ts";
import { type Area, differs, type Finding, orUnseen, same } from "../finding.ts";
import { isReadonly, wrongPropagation } from "../mount-flags.ts";
import type { Place, Subject } from "../subject.ts";
import { mountText } from "./mounts.ts";

export const root: Area = {
  of: "root.path",
  look: (subject) => [rootPath(subject), ...rootMount(subject)],
};

/** By device and inode: bundles' paths may lead to it in several ways. */
function rootPath(subject: Subject): Finding {
  const { rootfs } = subject.bundle;
  const [asked, found] = [statusIfThere(rootfs), subject.statusOf("root")];
  const isSame = asked !== null && asked.inode === found.inode && `${asked.device}` === `${found.device}`;
  if (isSame) return same("root.path", rootfs);
  const words = `another directory: inode ${found.inode} of device ${found.device.join(":")}`;
  return differs(
    "root.path",
    words,
    asked === null ? rootfs : `${rootfs}: inode ${asked.inode} of device ${asked.device.join(":")}`,
  );
}

function rootMount(subject: Subject): readonly Finding[] {
  const { root: { readonly: asked = false } = {}, linux = {} } = subject.bundle.config;
  const mount = subject.at("/")?.mount ?? null;
  if (mount === null) return [differs("root.path", "no mount that the process sees", "a mount")];
  const hostsIs = mountOf(subject.bundle.rootfs)?.readonly ?? false;
  const isWrong = asked ? !isReadonly(mount) : mount.readonly && !hostsIs;
  const found = mountText(mount);
  const propagation = linux.rootfsPropagation;
  const type =
    propagation === undefined ? undefined : (PROPAGATIONS[propagation] ?? PROPAGATIONS[propagation.slice(1)]);
  const complaints = wrongPropagation(type, mount);
  return [
    isWrong ? differs("root.readonly", found, String(asked)) : same("root.readonly", String(asked)),
    ...(complaints.length > 0
      ? [differs("linux.rootfsPropagation", complaints.join(", "), String(propagation))]
      : []),
  ];
}

export const maskedPaths: Area = {
  of: "linux.maskedPaths",
  look(subject) {
    const { maskedPaths: all = [] } = subject.bundle.config.linux ?? {};
    return all.map((path, index) =>
      orUnseen(`linux.maskedPaths[${index}]`, "masked", () => masked(subject, path, index)),
    );
  },
};

function masked(subject: Subject, path: string, index: number): Finding {
  const found = subject.open(path, 0, (fd) => visible(subject.placeOf(fd), fd));
  const where = `linux.maskedPaths[${index}]`;
  // What isn't there needs no mask.
  return found === null || found === "" ? same(where, path) : differs(where, `${path} ${found}`, "masked");
}

/** What can be seen of a path that should be hidden, by the host's null device or an empty directory; empty if nothing. */
function visible({ status, mount }: Place, fd: number): string {
  const kind = status.mode & S_IFMT;
  if (kind === S_IFCHR && defaultDevice(status.deviceType) === "/dev/null") return "";
  if (kind !== S_IFDIR) return "can be read";
  if ((listDirectory(".", fd, 1) ?? []).length > 0) return "can be listed";
  return mount !== null && !isReadonly(mount) ? "is empty, but can be written to" : "";
}

export const readonlyPaths: Area = {
  of: "linux.readonlyPaths",
  look(subject) {
    const { readonlyPaths: all = [] } = subject.bundle.config.linux ?? {};
    return all.map((path, index) =>
      orUnseen(`linux.readonlyPaths[${index}]`, "read-only", () => protectedPath(subject, path, index)),
    );
  },
};

function protectedPath(subject: Subject, path: string, index: number): Finding {
  const mount = subject.at(path)?.mount ?? null;
  const where = `linux.readonlyPaths[${index}]`;
  if (mount === null || isReadonly(mount)) return same(where, path);
  return differs(where, `${path} can be written: ${mountText(mount)}`, "read-only");
}
