/** Applies a layer to the rootfs of those below it (layer.md of the OCI image-spec). */
import { close, futimens } from "../../kernel/calls.ts";
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from "../../kernel/constants.ts";
import { attempt, here } from "../../kernel/here.ts";
import { UserError } from "../../kernel/user-error.ts";
import { namesIn, shown } from "../names.ts";
import type { ByteStream } from "../tar/byte-stream.ts";
import { readTar, type TarEntry } from "../tar/read-tar.ts";
import { timesOf } from "./attributes.ts";
import { type Making, makeEntry, ROOM } from "./make-entry.ts";
import type { Place } from "./root-tree.ts";

/** The most of all layers together. */
const LIMITS = {
  /** With the directories that are made on the way to them. */
  entries: 4_000_000,
  /** Images have some twenty, below /dev. */
  devices: 1024,
  /** Of the entries, in bytes: those of directories, and a layer's own, are kept in memory. */
  paths: 512 << 20,
};

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
/** What aufs, docker's first storage, has left in layers for itself. */
const AUFS = ".wh..wh.";

export class Layers {
  private readonly making: Making;
  private readonly limits: typeof LIMITS;
  /** Of directories, by their paths: they are set at the very end, as each file that is made in one changes them. */
  private readonly times = new Map<string, Uint8Array>();
  private entries = 0;
  private paths = 0;
  private devices = 0;
  private isFirst = true;

  constructor(making: Making, limits = LIMITS) {
    this.making = making;
    this.limits = limits;
  }

  /** @throws UserError with the entry's name in its place */
  async apply(stream: ByteStream): Promise<void> {
    // There is nothing below the first layer that whiteouts could hide.
    const own = this.isFirst ? null : new OwnPaths();
    this.isFirst = false;
    await readTar(stream, async (entry, content) => {
      try {
        this.count(entry);
        const names = namesIn(entry.name);
        const name = names.at(-1) ?? "";
        if (name.startsWith(WHITEOUT)) return this.whiteOut(entry.name, name, own);
        if (names.some((one) => one.startsWith(AUFS))) return;
        const place = this.place(entry);
        own?.add(place.path);
        if (entry.type === "directory") this.times.set(place.path, timesOf(entry));
        await makeEntry(this.making, place, entry, content);
      } catch (error) {
        throw error instanceof UserError ? new UserError(labelOf(entry), error.message) : error;
      }
    });
  }

  /** Sets the times of all directories. */
  finish(): void {
    const { tree } = this.making;
    for (const [path, times] of this.times) {
      const fd = tree.open(path || ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      if (fd < 0) continue; // a later layer has removed it, or put something else there
      attempt(futimens(fd, times));
      here(close(fd));
    }
  }

  private count({ type }: TarEntry): void {
    const { entries, devices } = this.limits;
    this.entries += 1;
    if (this.entries > entries) throw new UserError(`exceeds the limit of ${entries} entries in an image`);
    if (type !== "character device" && type !== "block device") return;
    this.devices += 1;
    if (this.devices > devices) throw new UserError(`exceeds the limit of ${devices} devices in an image`);
  }

  /** Where an entry belongs. One of a few bytes may have thousands of directories made on the way. */
  private place({ name }: TarEntry): Place {
    const { tree, takes } = this.making;
    const before = tree.made;
    const place = tree.place(name);
    this.entries += tree.made - before;
    takes((tree.made - before) * ROOM);
    this.paths += place.path.length;
    if (this.paths > this.limits.paths)
      throw new UserError(`exceeds the limit of ${this.limits.paths} bytes for all paths together`);
    return place;
  }

  /** Hides what layers below have at a path. */
  private whiteOut(path: string, name: string, own: OwnPaths | null): void {
    const hidden = name.slice(WHITEOUT.length);
    const isOpaque = name === OPAQUE;
    if (!isOpaque && (hidden === "" || hidden === "." || hidden === ".."))
      throw new UserError("is a whiteout without a file name");
    if (own === null || (name.startsWith(AUFS) && !isOpaque)) return;
    const { tree } = this.making;
    const place = tree.placeIfThere(path);
    if (place === null) return;
    const parent = place.path.slice(0, Math.max(0, place.path.lastIndexOf("/")));
    const file = parent === "" ? hidden : `${parent}/${hidden}`;
    if (isOpaque) tree.clear({ ...place, name: ".", path: parent }, (one) => one === parent || own.has(one));
    else tree.clear({ ...place, name: hidden, path: file }, (one) => own.has(one));
  }
}

/** Names may be very long. */
const MOST_SHOWN = 200;

function labelOf({ name }: TarEntry): string {
  const text = shown(name);
  return JSON.stringify(text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN)}…` : text);
}

/** The paths that a layer has, and those of the directories that they are in: its whiteouts don't hide them. */
class OwnPaths {
  private readonly paths = new Set<string>();

  add(path: string): void {
    for (
      let one = path;
      one !== "" && !this.paths.has(one);
      one = one.slice(0, Math.max(0, one.lastIndexOf("/")))
    )
      this.paths.add(one);
  }

  has(path: string): boolean {
    return this.paths.has(path);
  }
}
