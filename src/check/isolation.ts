/** What many trials begin with: a process apart from the host's mounts, user namespaces, files made and written. */

import { type Fd, SyscallError } from "../kernel/call.ts";
import {
  CWD,
  close,
  fchdir,
  fsconfigCreate,
  fsmount,
  fsopen,
  mount,
  moveMount,
  openat,
  unshare,
  write,
} from "../kernel/calls.ts";
import {
  CLONE_NEWNS,
  CLONE_NEWUSER,
  MS_PRIVATE,
  MS_REC,
  O_CREAT,
  O_DIRECTORY,
  O_PATH,
  O_WRONLY,
} from "../kernel/constants.ts";
import { writeExisting } from "../kernel/files.ts";
import { OWN } from "./own.ts";
import type { Subject } from "./subject.ts";

const encoder = new TextEncoder();

/** A range of ids as /etc/subuid gives them to users, and as clusters give them to pods. */
export const FIRST_ID = 100_000;
const IDS = 65_536;

/** Gives the process a mount namespace out of which no mount gets to the host. */
export function leaveMounts(subject: Subject): void {
  subject.do(unshare(CLONE_NEWNS));
  subject.do(mount("none", "/", "", MS_REC | MS_PRIVATE));
}

/** A new file system that is mounted nowhere. */
export function detached(subject: Subject, type: string): number {
  const fs = subject.do(fsopen(type));
  subject.do(fsconfigCreate(fs));
  const mounted = subject.do(fsmount(fs, 0));
  subject.do(close(fs));
  return mounted;
}

/**
 * Mounts a detached mount over the root directory, where nobody steps into it: the process's own root and paths stay
 * as they are. It becomes the working directory. The process has left the host's mounts.
 */
function attach(subject: Subject, mounted: number): void {
  const root = subject.do(openat(CWD, "/", O_PATH | O_DIRECTORY));
  subject.do(moveMount(mounted, root));
  subject.do(fchdir(mounted));
}

/** An empty tmpfs as working directory; returns its descriptor. */
export function enterTmpfs(subject: Subject): number {
  leaveMounts(subject);
  const mounted = detached(subject, "tmpfs");
  attach(subject, mounted);
  return mounted;
}

/** Makes the process root of a user namespace in which its own ids alone are mapped. */
export function enterUserNamespace(subject: Subject): void {
  subject.changeRights(unshare(CLONE_NEWUSER));
  mapOwn(subject, OWN.uid, OWN.gid);
}

/** A child that is root of a user namespace in which the caller's own ids alone are mapped, as anybody may. */
export function rootOfOwn(subject: Subject, flags = 0): Subject {
  const child = subject.child(CLONE_NEWUSER + flags);
  mapOwn(child, OWN.uid, OWN.gid);
  return child;
}

/** Maps root of the process's user namespace to these ids, which it had outside, from within (user_namespaces(7)). */
export function mapOwn(subject: Subject, uid: number, gid: number): void {
  put(subject, CWD, "/proc/self/setgroups", "deny");
  put(subject, CWD, "/proc/self/uid_map", `0 ${uid} 1`);
  put(subject, CWD, "/proc/self/gid_map", `0 ${gid} 1`);
}

/** Maps a range of ids from outside, as root may. @throws SyscallError */
export function mapRange({ pid }: Subject): void {
  for (const file of ["uid_map", "gid_map"])
    naming(file, () => writeExisting(`/proc/${pid}/${file}`, `0 ${FIRST_ID} ${IDS}\n`));
}

/** Writes to a file that is there. */
export function put(subject: Subject, directory: Fd, path: string, text: string): void {
  writeTo(subject, directory, path, text, O_WRONLY);
}

/** Makes a file with this content. */
export function make(subject: Subject, directory: Fd, path: string, text: string): void {
  writeTo(subject, directory, path, text, O_WRONLY | O_CREAT);
}

function writeTo(subject: Subject, directory: Fd, path: string, text: string, flags: number): void {
  const file = subject.do(openat(directory, path, flags, 0o644));
  naming(path, () => subject.do(write(file, encoder.encode(text))));
  subject.do(close(file));
}

/** Lets a call that fails name what it is about. */
export function naming(what: string, body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new SyscallError({ name: error.call.name, args: [what] }, error.errno);
  }
}
