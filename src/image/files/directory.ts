/** An image that is a directory: an OCI image layout, or an archive of docker's that somebody has unpacked. */
import { SyscallError } from "../../kernel/call.ts";
import { close, openat2 } from "../../kernel/calls.ts";
import { AT_EMPTY_PATH, O_PATH, RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS } from "../../kernel/constants.ts";
import { ERRNO, errnoWords } from "../../kernel/errno.ts";
import { openRegular, status } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { UserError } from "../../kernel/user-error.ts";
import type { ImageFile } from "./image-files.ts";

/** Links may lead from one file to another, as docker's do between layers that are the same, but not out. */
const BENEATH = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;

export class ImageDirectory {
  private readonly fd: number;

  /** Of an open directory, which stays the caller's. */
  constructor(fd: number) {
    this.fd = fd;
  }

  open(path: string): ImageFile | null {
    const call = openat2(this.fd, path, O_PATH, BENEATH);
    const place = attempt(call);
    if (place === -ERRNO.ENOENT || place === -ERRNO.ENOTDIR) return null;
    if (place === -ERRNO.EXDEV) throw new UserError(path, "is a link that leads out of the image");
    if (place < 0) throw new SyscallError(call, -place);
    const fd = openRegular(place);
    here(close(place));
    if (fd === null) throw new UserError(path, "is not a regular file");
    if (fd < 0) throw new UserError(path, `cannot be read: ${errnoWords(-fd)}`);
    const { size } = status("", AT_EMPTY_PATH, fd);
    return { fd, offset: 0, size, [Symbol.dispose]: () => void here(close(fd)) };
  }
}
