/** Cgroups to try things in, each gone with what it was made for. */

import { isRootless } from "../container/caller/caller.ts";
import { CWD, close, flock, openat } from "../kernel/calls.ts";
import { LOCK_EX, LOCK_NB, LOCK_SH, O_DIRECTORY, O_PATH, O_RDONLY } from "../kernel/constants.ts";
import { makeDirectory, statusIfThere } from "../kernel/files.ts";
import { attempt, here } from "../kernel/here.ts";
import { listDirectory } from "../kernel/list-directory.ts";
import { unifiedMount } from "../linux/cgroups/hierarchy.ts";
import { killAll } from "../linux/cgroups/kill.ts";
import { cgroupOf } from "../linux/cgroups/path.ts";
import { removeCgroup } from "../linux/cgroups/remove.ts";
import { OWN } from "./own.ts";
import type { Subject } from "./subject.ts";
import type { Trial } from "./trial.ts";

const PREFIX = "tsrun-check-";
const PATIENCE_MS = 1000;
const TRIES = 20;

/**
 * The cgroup that trials are made in: the hierarchy's root, which has all controllers; for an ordinary user the one that
 * tsrun is in, as that is the one which may have been delegated. @throws UserError where there is no cgroup v2
 */
export function trialPlace(): string {
  const mount = unifiedMount();
  return isRootless(OWN, "auto") ? `${mount}${cgroupOf(OWN).replace(/\/$/, "")}` : mount;
}

/** A cgroup where a container's would be, removed again with all that is in it. It is locked as long as it is used. */
export class TrialCgroup implements AsyncDisposable {
  readonly path: string;
  private readonly mount = unifiedMount();
  private readonly lock: number;

  /** @throws UserError where there is no cgroup v2 */
  constructor() {
    for (let left = TRIES; ; left--) {
      const path = `${trialPlace()}/${PREFIX}${Math.random().toString(36).slice(2, 12)}`;
      makeDirectory(path);
      const lock = here(openat(CWD, path, O_RDONLY | O_DIRECTORY));
      here(flock(lock, LOCK_SH));
      this.path = path;
      this.lock = lock;
      // Another check may have taken it for abandoned, just before.
      if (left === 0 || statusIfThere(path) !== null) return;
      here(close(lock));
    }
  }

  /** A process that is born in it. */
  bear({ subject }: Trial): Subject {
    const fd = subject.do(openat(CWD, this.path, O_PATH | O_DIRECTORY));
    return subject.child(0, fd);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await remove(this.mount, this.path);
    here(close(this.lock));
  }
}

/** Removes what a check that was killed has left: nobody locks it. */
export async function removeAbandoned(): Promise<void> {
  const place = trialPlace();
  for (const { name } of listDirectory(place) ?? []) {
    if (!name.startsWith(PREFIX)) continue;
    const fd = attempt(openat(CWD, `${place}/${name}`, O_RDONLY | O_DIRECTORY));
    if (fd < 0) continue; // gone meanwhile
    if (attempt(flock(fd, LOCK_EX | LOCK_NB)) >= 0) await remove(unifiedMount(), `${place}/${name}`);
    here(close(fd));
  }
}

async function remove(mount: string, path: string): Promise<void> {
  await killAll(path);
  await removeCgroup(mount, path, PATIENCE_MS);
}
