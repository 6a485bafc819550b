/** An image that is a directory: an OCI image layout, or an archive of docker's that somebody has unpacked. */
import { SyscallError } from "../../kernel/call.ts";
import { close, openat2 } from "../../kernel/calls.ts";
import {
  AT_EMPTY_PATH,
  O_NOCTTY,
  O_NONBLOCK,
  O_RDONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  S_IFMT,
  S_IFREG,
} from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { status } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { UserError } from "../../kernel/user-error.ts";
import type { ImageFile } from "./image-files.ts";

/** Links may lead from one file to another, as docker's do between layers that are the same, but not out. */
const BENEATH = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
/** Opening must not block, should a FIFO be there. */
const READ = O_RDONLY | O_NONBLOCK | O_NOCTTY;

export class ImageDirectory {
  private readonly fd: number;

  /** Of an open directory, which stays the caller's. */
  constructor(fd: number) {
    this.fd = fd;
  }

  open(path: string): ImageFile | null {
    const call = openat2(this.fd, path, READ, BENEATH);
    const fd = attempt(call);
    if (fd === -ERRNO.ENOENT || fd === -ERRNO.ENOTDIR) return null;
    if (fd < 0) throw new SyscallError(call, -fd);
    const { mode, size } = status("", AT_EMPTY_PATH, fd);
    if ((mode & S_IFMT) !== S_IFREG) {
      here(close(fd));
      throw new UserError(path, "is not a regular file");
    }
    return { fd, offset: 0, size, [Symbol.dispose]: () => void here(close(fd)) };
  }
}
