/**
 * Descriptors of the caller, from 3 on, that the container's process gets: first those of socket activation
 * (sd_listen_fds(3)), then as many as `--preserve-fds` says.
 *
 * Bun makes them close-on-exec when it starts, and opens its own event queue before anything else is opened: where a
 * descriptor is missing among those promised, that queue has taken its place.
 *
 * Loaded only when there are any.
 */
import { fcntl, getpid } from "../kernel/calls.ts";
import { F_SETFD } from "../kernel/constants.ts";
import { readLink } from "../kernel/files.ts";
import { attempt, here } from "../kernel/here.ts";
import { Failure } from "./failure.ts";

const FIRST_FD = 3;
const EVENT_QUEUE = "anon_inode:[eventpoll]";

/** How many sockets somebody has opened for tsrun to listen on: LISTEN_FDS, if it is meant for this process. */
export function listeningSockets({ LISTEN_FDS, LISTEN_PID }: NodeJS.ProcessEnv): number {
  if (!/^\d+$/.test(LISTEN_FDS ?? "") || LISTEN_PID !== String(here(getpid()))) return 0;
  return Number(LISTEN_FDS);
}

/** Lets agents inherit the first descriptors. @throws Failure when one of them isn't open */
export function passDescriptors(count: number, what: string): void {
  for (let fd = FIRST_FD; fd < FIRST_FD + count; fd++) {
    const open = attempt(fcntl(fd, F_SETFD, 0)) >= 0 && readLink(`/proc/self/fd/${fd}`) !== EVENT_QUEUE;
    if (!open)
      throw new Failure(
        `${what}: descriptor ${fd} is not open; the caller must leave ${count} open from ${FIRST_FD} on`,
      );
  }
}

/** The environment with these variables, in the place of any of that name. */
export function withVariables(env: readonly string[], variables: readonly string[]): readonly string[] {
  const names = variables.map((variable) => variable.slice(0, variable.indexOf("=") + 1));
  return [...env.filter((entry) => !names.some((name) => entry.startsWith(name))), ...variables];
}
