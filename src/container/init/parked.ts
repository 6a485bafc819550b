/**
 * The mailbox of a created container, between the tsrun that made it and the one that starts it.
 *
 * It is a file in the state directory if that is on a tmpfs, as /run usually is. On a disk, allocating blocks for its
 * pages would take time (2 ms on ext4): there it is a memfd, which is found again through the agent's mapping, and an
 * empty file in the state directory stands for it.
 */
import { mailboxMemfd, openParked, type Parked, parkedMapping } from "../../agent/mailbox-file.ts";
import { SyscallError } from "../../kernel/call.ts";
import { CWD, close, fstatfs, openat } from "../../kernel/calls.ts";
import { O_CREAT, O_EXCL, O_RDWR, TMPFS_MAGIC } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { status, writeFile } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { STATFS_SIZE, statfsType } from "../../kernel/structs.ts";
import type { SavedInit } from "../state/saved.ts";
import { MAILBOX_FILE, type StateDirectory } from "../state/state-directory.ts";

/** The name that a container's init has until it executes its program; proc(5) shows at most 15 bytes. */
export const AGENT_NAME = "tsrun:init";

/** Makes the file for a new container's mailbox; returns a descriptor of it. */
export function newMailbox(directory: StateDirectory): number {
  const statfs = new Uint8Array(STATFS_SIZE);
  here(fstatfs(directory.fd, statfs));
  // Only root may find a memfd again.
  if (statfsType(statfs) === TMPFS_MAGIC || directory.caller.uid !== 0)
    return here(openat(directory.fd, MAILBOX_FILE, O_RDWR | O_CREAT | O_EXCL, 0o600));
  writeFile(MAILBOX_FILE, "", 0o600, directory.fd);
  return mailboxMemfd();
}

/** The mailbox of a created container's agent; null when that has just ended. @throws SyscallError */
export function parkedMailbox(directory: StateDirectory, { pid }: SavedInit): Parked | null {
  const inState = status(MAILBOX_FILE, 0, directory.fd).size > 0;
  const call = inState
    ? openat(directory.fd, MAILBOX_FILE, O_RDWR)
    : openat(CWD, `/proc/${pid}/map_files/${parkedMapping()}`, O_RDWR);
  const fd = attempt(call);
  if (!inState && (fd === -ERRNO.ENOENT || fd === -ERRNO.ESRCH)) return null;
  if (fd < 0) throw new SyscallError(call, -fd);
  try {
    return openParked(fd);
  } finally {
    here(close(fd));
  }
}
