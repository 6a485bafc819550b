/**
 * An image that is a tar archive. It is read twice: first its headers alone, to know where each file is, as the index
 * may be the last of them; then the files, where they are. Nothing is copied.
 */
import { UserError } from "../../kernel/user-error.ts";
import { names } from "../../linux/inside.ts";
import { namesIn, shown } from "../names.ts";
import { type ByteSource, ByteStream } from "../tar/byte-stream.ts";
import { readTar, type TarEntry } from "../tar/read-tar.ts";
import { Turns } from "../turns.ts";
import { FileSource, type ImageFile } from "./image-files.ts";

/** Where a file is in the archive, or what other file it is. */
type Place = { readonly offset: number; readonly size: number } | { readonly same: string };

/** An image has a few files a layer. */
const MOST_FILES = 100_000;
/** Of docker's links from one layer to another. */
const MOST_LINKS = 8;

export class ImageArchive {
  private readonly fd: number;
  private readonly places: ReadonlyMap<string, Place>;

  private constructor(fd: number, places: ReadonlyMap<string, Place>) {
    this.fd = fd;
    this.places = places;
  }

  /** Of an open file, which stays the caller's; `told` is as in Meter, of nothing. @throws UserError */
  static async read(fd: number, size: number, told: (bytes: number) => void): Promise<ImageArchive> {
    const places = new Map<string, Place>();
    const stream = new ByteStream(interruptible(new FileSource({ fd, offset: 0, size }), told));
    let count = 0;
    await readTar(stream, (entry) => {
      const place = placeOf(entry, stream.position);
      if (entry.type === "file" && stream.position + entry.size > size)
        throw new UserError(shown(entry.name), "ends in the middle of a file: the archive is cut short");
      count += 1;
      if (count > MOST_FILES) throw new UserError(`has more than ${MOST_FILES} files`);
      if (place !== null) places.set(namesIn(entry.name).join("/"), place);
    });
    return new ImageArchive(fd, places);
  }

  open(path: string): ImageFile | null {
    let place = this.places.get(path);
    for (let links = 0; place !== undefined && "same" in place; links++) {
      if (links === MOST_LINKS) throw new UserError(shown(path), "is a link to a link, and so on");
      place = this.places.get(place.same);
    }
    return place === undefined ? null : { fd: this.fd, ...place, [Symbol.dispose]: () => {} };
  }
}

/** The same bytes, of which there may be many gigabytes: the user can end that. */
function interruptible(source: FileSource, told: (bytes: number) => void): ByteSource {
  const turns = new Turns();
  return {
    async next() {
      await turns.pass();
      told(0);
      return await source.next();
    },
    skip: (count) => source.skip(count),
  };
}

function placeOf({ type, name, link, size, sparse }: TarEntry, offset: number): Place | null {
  if (type === "file") {
    if (sparse !== null) throw new UserError(shown(name), "is sparse in the archive of an image");
    return { offset, size };
  }
  if (type === "hard link") return { same: namesIn(link).join("/") };
  if (type !== "symlink") return null;
  const directory = name.slice(0, name.lastIndexOf("/") + 1);
  return { same: names(`${directory}${link}`).join("/") };
}
