import { CWD, close, openat } from "../../kernel/calls.ts";
import {
  AT_EMPTY_PATH,
  O_NOCTTY,
  O_NONBLOCK,
  O_RDONLY,
  S_IFDIR,
  S_IFMT,
  S_IFREG,
} from "../../kernel/constants.ts";
import { errnoWords } from "../../kernel/errno.ts";
import { status } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { UserError } from "../../kernel/user-error.ts";
import { compressionOf } from "../layer-stream.ts";
import { ImageArchive } from "./archive.ts";
import { ImageDirectory } from "./directory.ts";
import type { ImageFiles } from "./image-files.ts";

/** Opens an image: an OCI image layout as a directory, or an archive of one, or of `docker save`. @throws UserError */
export async function openImage(path: string): Promise<ImageFiles> {
  const fd = attempt(openat(CWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (fd < 0) throw new UserError(`cannot be read: ${errnoWords(-fd)}`);
  try {
    const { mode, size } = status("", AT_EMPTY_PATH, fd);
    const kind = mode & S_IFMT;
    if (kind === S_IFDIR) return new ImageDirectory(fd);
    if (kind !== S_IFREG)
      throw new UserError(
        "is neither a directory nor a file: an image must be one, as its parts are read in any order",
      );
    if (compressionOf({ fd, offset: 0, size }) !== null)
      throw new UserError("is compressed as a whole: decompress it first (gunzip, unzstd)");
    const files = await ImageArchive.read(fd, size);
    return { open: (file) => files.open(file), [Symbol.dispose]: () => void here(close(fd)) };
  } catch (error) {
    here(close(fd));
    throw error;
  }
}
