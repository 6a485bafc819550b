/**
 * Descriptors of the caller, from 3 on, that the container's process gets: first those of socket activation
 * (sd_listen_fds(3)), then as many as `--preserve-fds` says.
 *
 * Some of these numbers may be closed: podman passes on 3 and 5 without 4. Such a gap stays closed for the container's
 * process. Until execve(2) a placeholder occupies it in tsrun and its agents, or a descriptor of the host's could be
 * opened there and be passed on (CVE-2024-21626).
 *
 * When Bun starts it sets close-on-exec on the caller's descriptors and opens its own event queue. entry.c notes before
 * that which descriptors are open, up to 64: beyond these there may be no gap.
 *
 * Loaded only when there are any.
 */
import type { Environment } from "../../agent/caller.ts";
import { dup3, fcntl } from "../../kernel/calls.ts";
import { F_GETFD, F_SETFD, FIRST_FD, O_CLOEXEC } from "../../kernel/constants.ts";
import { entryNotes } from "../../kernel/entry-notes.ts";
import { readLink } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { UserError } from "../../kernel/user-error.ts";

const MOST_SEEN = 64;
const EVENT_QUEUE = "anon_inode:[eventpoll]";

/** How many sockets were passed to the process `pid` by socket activation: LISTEN_FDS, if LISTEN_PID is that process. */
export function listeningSockets({ LISTEN_FDS, LISTEN_PID }: Environment, pid: number): number {
  if (!/^\d+$/.test(LISTEN_FDS ?? "") || LISTEN_PID !== String(pid)) return 0;
  return Number(LISTEN_FDS);
}

/**
 * Lets agents inherit the first descriptors; returns those of them that are closed.
 * @throws UserError when the last one is closed
 */
export function passDescriptors(count: number, what: string): readonly number[] {
  const missing = (fd: number) =>
    new UserError(
      what,
      `descriptor ${fd} is not open (preserved-fd ${fd - FIRST_FD}); the caller must leave ${count} open from ${FIRST_FD} on`,
    );
  const isOpen = count > MOST_SEEN ? isCallers : wasOpenAtStart();
  const gaps: number[] = [];
  for (let fd = FIRST_FD; fd < FIRST_FD + count; fd++) {
    if (isOpen(fd)) here(fcntl(fd, F_SETFD, 0));
    else if (count > MOST_SEEN) throw missing(fd);
    else gaps.push(fd);
  }
  if (gaps.at(-1) === FIRST_FD + count - 1) throw missing(startOfLast(gaps));
  for (const fd of gaps) holdPlace(fd);
  return gaps;
}

/** Where the last run of numbers without a break starts. */
const startOfLast = (numbers: readonly number[]) =>
  numbers.findLast((one) => !numbers.includes(one - 1)) ?? FIRST_FD;

function wasOpenAtStart(): (fd: number) => boolean {
  const seen = entryNotes()?.descriptors ?? 0n;
  return (fd) => ((seen >> BigInt(fd - FIRST_FD)) & 1n) === 1n;
}

const isCallers = (fd: number) =>
  attempt(fcntl(fd, F_GETFD, 0)) >= 0 && readLink(`/proc/self/fd/${fd}`) !== EVENT_QUEUE;

/** Keeps tsrun from opening anything at these numbers; what it already has there stays. */
function holdPlace(fd: number): void {
  if (attempt(fcntl(fd, F_GETFD, 0)) < 0) attempt(dup3(0, fd, O_CLOEXEC));
}

/** The environment with these variables, which replace any of the same name. */
export function withVariables(env: readonly string[], variables: readonly string[]): readonly string[] {
  const names = variables.map((variable) => variable.slice(0, variable.indexOf("=") + 1));
  return [...env.filter((entry) => !names.some((name) => entry.startsWith(name))), ...variables];
}
