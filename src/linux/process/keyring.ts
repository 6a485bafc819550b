import type { Program } from "../../agent/program.ts";
import { keyctl } from "../../kernel/calls.ts";
import {
  KEY_OTH_SEARCH,
  KEY_POS_ALL,
  KEY_USR_LINK,
  KEY_USR_READ,
  KEY_USR_SEARCH,
  KEY_USR_VIEW,
  KEYCTL_JOIN_SESSION_KEYRING,
  KEYCTL_SETPERM,
} from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { readText } from "../../kernel/files.ts";

/** As from join_session_keyring(9): a process of any user has all rights on its own session keyring. */
const POSSESSED = KEY_POS_ALL + KEY_USR_VIEW + KEY_USR_READ + KEY_USR_LINK;

/**
 * A name for a new container's session keyring, by which `exec` finds it: runc's, and a part that can't be guessed.
 * Otherwise whoever created a keyring of that name first could read the container's keys.
 */
export function keyringName(id: string): string {
  return `_ses.${id}.${readText("/proc/sys/kernel/random/uuid").trim()}`;
}

/**
 * Gives the container a session keyring (session-keyring(7)) instead of the caller's, whose keys are not the
 * container's business. `exec` needs the right to search it: as its owner or, where the user that makes it is not the
 * one that searches, as anybody. A kernel without keyrings has nothing to hide.
 */
export function makeKeyring(program: Program, name: string, forAnybody = false): void {
  const permissions = POSSESSED + (forAnybody ? KEY_OTH_SEARCH : KEY_USR_SEARCH);
  program.by("session keyring");
  program.whenOk(keyctl(KEYCTL_JOIN_SESSION_KEYRING, name), [ERRNO.ENOSYS], (keyring) =>
    program.add(keyctl(KEYCTL_SETPERM, keyring, permissions)),
  );
}

/** Joins the session keyring of a container. */
export function joinKeyring(program: Program, name: string): void {
  program.by("session keyring").add(keyctl(KEYCTL_JOIN_SESSION_KEYRING, name), [ERRNO.ENOSYS]);
}
