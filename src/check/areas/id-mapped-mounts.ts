import { CWD, mountSetattr, moveMount, openat, openTree, statx } from "../../kernel/calls.ts";
import {
  AT_EMPTY_PATH,
  CLONE_NEWUSER,
  MOUNT_ATTR_IDMAP,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  OPEN_TREE_CLONE,
} from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { isErrno, statusIfThere } from "../../kernel/files.ts";
import { readStatx, STATX_SIZE } from "../../kernel/structs.ts";
import { mountOf } from "../../linux/mounts/mount-table.ts";
import type { Area } from "../feature.ts";
import { detached, enterTmpfs, FIRST_ID, leaveMounts, make, mapRange, naming } from "../isolation.ts";
import type { Subject } from "../subject.ts";
import type { Trial } from "../trial.ts";
import { Missing, Skipped } from "../verdict.ts";
import { makeLayers, overlayOf } from "./overlay.ts";

/** Where engines keep images and volumes; the root directory's file system where there is no such directory. */
const STORAGE = ["/var/lib/containers", "/var/lib/docker", "/var/lib/containerd", "/var/lib", "/"] as const;

/**
 * A descriptor of a user namespace that maps root to FIRST_ID. It has to come before `enterTmpfs`: a process whose
 * root directory is mounted over counts as chrooted, and may make no user namespaces.
 */
function mapping(subject: Subject): number {
  const mapped = subject.child(CLONE_NEWUSER);
  mapRange(mapped);
  return subject.do(openat(CWD, `/proc/${mapped.pid}/ns/user`, O_RDONLY));
}

/** Maps root's files in a detached mount to FIRST_ID. */
function mapIds(subject: Subject, mounted: number, userns: number): void {
  subject.do(mountSetattr(mounted, "", AT_EMPTY_PATH, { set: MOUNT_ATTR_IDMAP, userns }));
}

function expectMapped(subject: Subject, directory: number, path: string, owner = 0): void {
  const { uid } = readStatx(subject.ask(statx(directory, path, AT_EMPTY_PATH, { room: STATX_SIZE })));
  if (uid !== FIRST_ID + owner)
    throw new Missing(`mount_setattr: a file of user ${owner} belongs to ${uid}, not to ${FIRST_ID + owner}`);
}

function ownerOf(subject: Subject, path: string): number {
  return readStatx(subject.ask(statx(CWD, path, 0, { room: STATX_SIZE }))).uid;
}

/** Puts an id-mapped layer in the place of `lower`, of any file system that can be mapped; returns its owner. */
function mapLayer(subject: Subject, userns: number): number {
  for (const path of ["lower", storage()]) {
    const owner = ownerOf(subject, path);
    const copy = subject.do(openTree(CWD, path, OPEN_TREE_CLONE));
    try {
      mapIds(subject, copy, userns);
    } catch (error) {
      if (isErrno(error, ERRNO.EINVAL)) continue;
      throw error;
    }
    subject.do(moveMount(copy, subject.do(openat(CWD, "lower", O_PATH | O_DIRECTORY))));
    return owner;
  }
  throw new Skipped("there is no file system to make layers of that could be id-mapped");
}

function storage(): string {
  return STORAGE.find((path) => statusIfThere(path) !== null) ?? "/";
}

/** Maps root's files below a directory of the host in a copy of its mount; tells which file system it is on. */
export function mapDirectory({ subject }: Trial, path: string): string {
  const users = mapping(subject);
  leaveMounts(subject);
  const copy = subject.do(openTree(CWD, path, OPEN_TREE_CLONE));
  const owner = ownerOf(subject, path);
  const name = `${mountOf(path)?.type ?? "?"} of ${path}`;
  naming(name, () => mapIds(subject, copy, users));
  expectMapped(subject, copy, "", owner);
  return name;
}

/** What asks for them. A bundle has sources of its own, which are tried then (bundle-features.ts). */
const MAPPED = ["mounts[uidMappings]", "mounts[options=idmap|ridmap]"];

export const idMappedMounts: Area = {
  name: "id-mapped mounts",
  features: [
    {
      name: "id-mapped.tmpfs",
      title: "id-mapped mounts: tmpfs",
      config: MAPPED,
      places: () => [],
      probe({ subject }) {
        const users = mapping(subject);
        leaveMounts(subject);
        const mounted = detached(subject, "tmpfs");
        make(subject, mounted, "file", "");
        mapIds(subject, mounted, users);
        expectMapped(subject, mounted, "file");
      },
    },
    {
      name: "id-mapped.storage",
      title: "id-mapped mounts: where images are kept",
      config: MAPPED,
      places: () => [],
      probe: (trial) => mapDirectory(trial, storage()),
    },
    {
      name: "id-mapped.overlay.layers",
      title: "id-mapped mounts: layers of an overlay",
      config: [],
      probe({ subject }) {
        const users = mapping(subject);
        enterTmpfs(subject);
        makeLayers(subject);
        const owner = mapLayer(subject, users);
        expectMapped(subject, overlayOf(subject, { lowerdir: "lower:work" }), "", owner);
      },
    },
    {
      name: "id-mapped.overlay",
      title: "id-mapped mounts: overlay",
      config: [],
      probe({ subject }) {
        const users = mapping(subject);
        enterTmpfs(subject);
        makeLayers(subject);
        const overlay = overlayOf(subject);
        mapIds(subject, overlay, users);
        expectMapped(subject, overlay, "file");
      },
    },
  ],
};
