import {
  CWD,
  fsconfigCreate,
  fsconfigFlag,
  fsconfigString,
  fsmount,
  fsopen,
  mkdirat,
  openat,
} from "../../kernel/calls.ts";
import { O_RDONLY } from "../../kernel/constants.ts";
import { placesOf } from "../config-pattern.ts";
import type { Area } from "../feature.ts";
import { enterTmpfs, make, put, rootOfOwn } from "../isolation.ts";
import type { Subject } from "../subject.ts";
import { Missing } from "../verdict.ts";

/** Makes the directories of an overlay in the working directory; `lower` holds a file. */
export function makeLayers(subject: Subject): void {
  for (const name of ["lower", "upper", "work"]) subject.do(mkdirat(CWD, name, 0o755));
  make(subject, CWD, "lower/file", "below");
}

const ALL_LAYERS = { lowerdir: "lower", upperdir: "upper", workdir: "work" };

/** Mounts an overlay of them, nowhere; returns its descriptor. */
export function overlayOf(
  subject: Subject,
  layers: Readonly<Record<string, string>> = ALL_LAYERS,
  flags: readonly string[] = [],
): number {
  const context = subject.do(fsopen("overlay"));
  for (const [key, names] of Object.entries(layers)) subject.do(fsconfigString(context, key, names));
  for (const flag of flags) subject.do(fsconfigFlag(context, flag));
  subject.do(fsconfigCreate(context));
  return subject.do(fsmount(context, 0));
}

/** Changes the lower file through an overlay, which must show the change and leave that file as it is. */
function copyUp(subject: Subject, overlay: number): void {
  put(subject, overlay, "file", "above");
  const read = (directory: number, path: string) =>
    subject.read(subject.do(openat(directory, path, O_RDONLY)));
  if (read(overlay, "file") !== "above" || read(CWD, "lower/file") !== "below")
    throw new Missing("write: the overlay's lower file has changed, or the overlay's has not");
}

export const overlay: Area = {
  name: "overlay",
  features: [
    {
      name: "filesystem.overlay",
      title: "overlay file system",
      config: ["mounts[type=overlay]"],
      probe({ subject }) {
        enterTmpfs(subject);
        makeLayers(subject);
        copyUp(subject, overlayOf(subject));
      },
    },
    {
      name: "filesystem.overlay.user",
      title: "overlay in a user namespace",
      config: ["mounts[type=overlay]"],
      places: (config) =>
        placesOf("linux.namespaces[type=user]", config).length > 0
          ? placesOf("mounts[type=overlay]", config)
          : [],
      probe({ outsider }) {
        const root = rootOfOwn(outsider);
        enterTmpfs(root);
        makeLayers(root);
        copyUp(root, overlayOf(root, ALL_LAYERS, ["userxattr"]));
      },
    },
  ],
};
