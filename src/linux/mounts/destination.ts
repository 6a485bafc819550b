import type { Mount } from "../../../runtime-spec/config.ts";
import { CWD, close, openat, readlinkat } from "../../kernel/calls.ts";
import { AT_EMPTY_PATH, O_DIRECTORY, O_PATH } from "../../kernel/constants.ts";
import { errnoWords } from "../../kernel/errno.ts";
import { status } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { fail } from "../../kernel/user-error.ts";
import { names, openInside } from "../inside.ts";
import { refuseProcPlace } from "./proc-places.ts";

/** Symlinks followed in one path; the kernel's own limit (path_resolution(7)). */
const MOST_LINKS = 40;
const LONGEST_PATH = 4095;

/**
 * Resolves mount destinations in a rootfs from outside: images have links such as /etc/resolv.conf -> ../run/…, whose
 * target must be made. The result only says which names to make: the agent resolves them again inside the rootfs, so a
 * link that changes meanwhile can't lead outside.
 */
export class Destinations implements Disposable {
  private readonly root: number;
  private readonly text = new Uint8Array(4096);

  constructor(rootfs: string) {
    this.root = attempt(openat(CWD, rootfs, O_PATH | O_DIRECTORY));
    if (this.root >= 0) return;
    fail("root.path", `cannot open ${rootfs}: ${errnoWords(-this.root)}`);
  }

  /**
   * The destination, relative to the rootfs, with symlinks resolved; a last one stays if the mount `keepsLink`.
   * @throws UserError for places in proc
   */
  resolve(where: string, mount: Mount, keepsLink = false): string {
    const { destination } = mount;
    const path = this.follow(where, destination, keepsLink);
    if (path === "") fail(`${where}.destination`, `${destination} is the rootfs itself: mounts go below it`);
    refuseProcPlace(where, mount, path);
    return path;
  }

  /** Mode bits of the directory at a resolved path; null when there is none. */
  modeOf(path: string): number | null {
    const fd = openInside(this.root, path, O_PATH | O_DIRECTORY);
    if (fd < 0) return null;
    const { mode } = status("", AT_EMPTY_PATH, fd);
    here(close(fd));
    return mode & 0o7777;
  }

  private follow(where: string, destination: string, keepsLink: boolean): string {
    const waiting = [...names(destination)];
    const walked: string[] = [];
    let links = 0;
    let length = destination.length;
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      if (name === "..") walked.pop();
      else {
        const isKept = keepsLink && links === 0 && waiting.length === 0;
        const target = isKept ? null : this.linkAt(walked, name);
        if (target === null) walked.push(name);
        else {
          length += target.length;
          if (++links > MOST_LINKS || length > LONGEST_PATH)
            fail(`${where}.destination`, `${destination} leads through too many or too long symbolic links`);
          if (target.startsWith("/")) walked.length = 0;
          waiting.unshift(...target.split("/").filter((part) => part !== "" && part !== "."));
        }
      }
    }
    return walked.join("/");
  }

  /** The target of the link with that name; null if there is no link. */
  private linkAt(directory: readonly string[], name: string): string | null {
    const { text } = this;
    if (directory.length === 0) return textOf(text, attempt(readlinkat(this.root, name, text)));
    const parent = openInside(this.root, directory.join("/"), O_PATH | O_DIRECTORY);
    if (parent < 0) return null;
    const length = attempt(readlinkat(parent, name, text));
    here(close(parent));
    return textOf(text, length);
  }

  [Symbol.dispose](): void {
    here(close(this.root));
  }
}

function textOf(bytes: Uint8Array, length: number): string | null {
  return length < 0 ? null : new TextDecoder().decode(bytes.subarray(0, length));
}
