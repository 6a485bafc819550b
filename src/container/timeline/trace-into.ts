/** Timelines that an annotation asks for: DIRECTORY/ID.VERB.json. */
import type { Caller } from "../../agent/caller.ts";
import { SyscallError } from "../../kernel/call.ts";
import { CWD, close, getpid, openat, renameat2 } from "../../kernel/calls.ts";
import { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_PATH, O_WRONLY } from "../../kernel/constants.ts";
import { errnoWords } from "../../kernel/errno.ts";
import { removeFile, writeAll } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { isAbsolute } from "../../linux/paths.ts";
import { type Recorder, recorded } from "../listing/recorder.ts";
import { timelineOf } from "./timeline.ts";
import { traceEvents } from "./trace-events.ts";

/** A command on a container. */
export interface Traced {
  readonly verb: "create" | "start" | "exec";
  readonly id: string;
  readonly caller: Caller;
  /** Is told when the timeline can't be written: that is no reason to fail. */
  readonly warn: (line: string) => void;
}

/** Does something, and writes its timeline to the directory that `place` names. Whatever goes wrong with that is a warning. */
export function traceInto<T>(
  directory: string,
  place: string,
  command: Traced,
  act: () => Promise<T>,
): Promise<T> {
  const { verb, id, caller, warn } = command;
  const done = (recorder: Recorder) => {
    const timeline = timelineOf(recorder, { name: `tsrun ${verb} ${id}`, pid: here(getpid()), since: null });
    const problem = written(directory, `${id}.${verb}.json`, traceEvents([timeline]));
    if (problem !== null) warn(`${place}: no timeline of ${verb}: ${problem}`);
  };
  return recorded({ traceparent: caller.env["TRACEPARENT"], done }, act);
}

/**
 * Writes the file, or returns why not. The directory's name comes from the config: only a file of this very name is
 * ever replaced there, and no link is followed in the directory.
 */
function written(directory: string, name: string, text: string): string | null {
  if (!isAbsolute(directory))
    return `must be the absolute path of a directory, not ${JSON.stringify(directory)}`;
  const at = attempt(openat(CWD, directory, O_PATH | O_DIRECTORY));
  if (at < 0) return `cannot open the directory ${directory}: ${errnoWords(-at)}`;
  const draft = `.${name}.${here(getpid())}`;
  try {
    removeFile(draft, at);
    const fd = here(openat(at, draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
    try {
      writeAll(fd, text);
    } finally {
      here(close(fd));
    }
    here(renameat2(at, draft, at, name, 0));
    return null;
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    attempt({ name: "unlinkat", args: [at, draft, 0] });
    return `cannot write ${directory}/${name}: ${errnoWords(error.errno)}`;
  } finally {
    here(close(at));
  }
}
