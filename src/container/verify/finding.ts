import { SyscallError } from "../../kernel/call.ts";
import { ERRNO } from "../../kernel/errno.ts";
import type { Subject } from "./subject.ts";

/** What a container has of something that its config.json asks for. */
export interface Finding {
  /** The property: `process.rlimits[0]`. */
  readonly path: string;
  readonly state: State;
  /** What is there; for what is unseen, why. */
  readonly found: string;
  /** What the config asks for. */
  readonly asked: string;
}

/**
 * - `same`: as it was asked for
 * - `differs`: otherwise than it was asked for
 * - `changed`: otherwise, but as the container's program may have made it by itself, with no more than it was given
 * - `unseen`: it could not be looked at
 */
type State = "same" | "differs" | "changed" | "unseen";

/** A part of the config, and what looks at it. */
export interface Area {
  /** The property that stands for all of it, where nothing of it can be looked at. */
  readonly of: string;
  /** @throws SyscallError where it can't be looked at */
  readonly look: (subject: Subject) => readonly Finding[] | Promise<readonly Finding[]>;
}

export const same = (path: string, found: string): Finding => ({ path, state: "same", found, asked: found });

const finding =
  (state: State) =>
  (path: string, found: string, asked: string): Finding => ({
    ...{ path, state, found, asked },
  });

export const differs = finding("differs");
export const changed = finding("changed");
export const unseen = finding("unseen");

/** By the texts alone; `otherwise` is what a difference means. */
export function compared(path: string, found: string, asked: string, otherwise = differs): Finding {
  return found === asked ? same(path, found) : otherwise(path, found, asked);
}

/**
 * What `look` finds, or that it could not look: a container may make one path that can't be followed, and must not keep
 * the others from being looked at. @throws SyscallError when the process has ended
 */
export function orUnseen(path: string, asked: string, look: () => Finding): Finding {
  try {
    return look();
  } catch (error) {
    if (!(error instanceof SyscallError) || error.errno === ERRNO.ESRCH) throw error;
    return unseen(path, error.message, asked);
  }
}
