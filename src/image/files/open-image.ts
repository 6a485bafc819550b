import { CWD, close, fcntl, openat } from "../../kernel/calls.ts";
import {
  AT_EMPTY_PATH,
  F_DUPFD,
  FIRST_FD,
  O_NOCTTY,
  O_NONBLOCK,
  O_RDONLY,
  S_IFDIR,
  S_IFIFO,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from "../../kernel/constants.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { status } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { Opened } from "../../kernel/opened.ts";
import { UserError } from "../../kernel/user-error.ts";
import { ImageArchive } from "./archive.ts";
import { compressionOf } from "./compression.ts";
import { ImageDirectory } from "./directory.ts";
import { firstBytes, type ImageFile, type ImageFiles } from "./image-files.ts";
import { spool } from "./spool.ts";

interface Opening {
  /** A path, or "-" for what comes from `stdin`. */
  readonly image: string;
  readonly stdin: number;
  /** Where a copy may be made, of an image that comes through a pipe or is compressed as a whole. */
  readonly directory: string;
  /** As in Meter, of that copy. */
  readonly told: (bytes: number) => void;
}

/** Opens an image: an OCI image layout as a directory, or an archive of one, or of `docker save`. @throws UserError */
export async function openImage({ image, stdin, directory, told }: Opening): Promise<ImageFiles> {
  const call = image === "-" ? fcntl(stdin, F_DUPFD, FIRST_FD) : openat(CWD, image, READ);
  const fd = attempt(call);
  if (fd === -ERRNO.ENOENT)
    throw new UserError(
      `cannot be read: ${errnoWords(-fd)}; tsrun downloads no images: name what \`docker save\` or \`skopeo copy\` has written`,
    );
  if (fd < 0) throw new UserError(`cannot be read: ${errnoWords(-fd)}`);
  using opened = new Opened();
  opened.defer(() => void here(close(fd)));
  const { mode, size } = status("", AT_EMPTY_PATH, fd);
  const kind = mode & S_IFMT;
  if (kind === S_IFDIR) return within(new ImageDirectory(fd), opened);
  if (kind === S_IFREG && compressionOf(firstBytes({ fd, offset: 0, size })) === null)
    return within(await ImageArchive.read(fd, size, told), opened);
  if (![S_IFREG, S_IFIFO, S_IFSOCK].includes(kind))
    throw new UserError("is neither a directory, nor a file, nor a pipe");
  const copy = await spool(fd, directory, told);
  opened.defer(() => void here(close(copy)));
  return within(await ImageArchive.read(copy, status("", AT_EMPTY_PATH, copy).size, told), opened);
}

const READ = O_RDONLY | O_NONBLOCK | O_NOCTTY;

/** Files that are there as long as what was opened for them. */
function within(files: { open(path: string): ImageFile | null }, opened: Opened): ImageFiles {
  const held = opened.move();
  return { open: (path) => files.open(path), [Symbol.dispose]: () => held[Symbol.dispose]() };
}
