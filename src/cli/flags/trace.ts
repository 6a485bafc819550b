/** `--trace FILE`: records a command and writes its timeline. Loaded only for the flag. */
import { fromCaller } from "../../container/caller/caller.ts";
import { type Recorder, recorded } from "../../container/listing/recorder.ts";
import { rendered, requireForm } from "../../container/timeline/render.ts";
import { timelineOf } from "../../container/timeline/timeline.ts";
import { SyscallError } from "../../kernel/call.ts";
import { CWD, close, openat } from "../../kernel/calls.ts";
import { O_CREAT, O_TRUNC, O_WRONLY } from "../../kernel/constants.ts";
import { errnoWords } from "../../kernel/errno.ts";
import { writeAll } from "../../kernel/files.ts";
import { here } from "../../kernel/here.ts";
import { UserError } from "../../kernel/user-error.ts";
import type { Invocation } from "../grammar/parse.ts";
import { log } from "../output/log.ts";
import type { Session } from "../session/session.ts";

/** It holds arguments of the container's process, and beginnings of files. */
const MODE = 0o600;

/**
 * Does a command and writes its timeline, also when it fails. A command that waits for a process is recorded until
 * then. @throws UserError before anything is done if the file can't be written
 */
export async function traceCommand(
  invocation: Invocation,
  file: string,
  session: Session,
  act: (session: Session) => Promise<number>,
): Promise<number> {
  const { command, globals } = invocation;
  if (command === "serve")
    throw new UserError("serve: --trace shows a single command: give it to create, run, start or exec");
  const path = fromCaller(session.caller, file);
  requireForm("--trace", file);
  writeNamed("--trace", file, path, null);
  const [id] = "args" in invocation ? invocation.args : [];
  const name = ["tsrun", command, ...(id === undefined ? [] : [id])].join(" ");
  const done = (recorder: Recorder) => {
    const timeline = timelineOf(recorder, {
      ...{ name, pid: session.pid, since: performance.timeOrigin * 1000 },
    });
    try {
      writeNamed("--trace", file, path, rendered([timeline], path));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      log(session, globals, "warning", error.message); // the command has done its work by now
    }
  };
  const { TRACEPARENT: traceparent } = session.caller.env;
  return await recorded({ traceparent, done }, (recorder) =>
    act(endingAtWait(session, () => recorder.end(null))),
  );
}

/** Opens the file that a flag names, and replaces its content if there is another. @throws UserError */
export function writeNamed(flag: string, file: string, path: string, text: string | null): void {
  try {
    const fd = here(openat(CWD, path, O_WRONLY | O_CREAT | (text === null ? 0 : O_TRUNC), MODE));
    try {
      if (text !== null) writeAll(fd, text);
    } finally {
      here(close(fd));
    }
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new UserError(`${flag} ${file}`, `cannot be written: ${errnoWords(error.errno)}`);
  }
}

/** The session, which calls `end` before it waits for a process in the foreground: that may take days. */
function endingAtWait(session: Session, end: () => void): Session {
  return Object.create(session, {
    foreground: {
      async value(...args: Parameters<Session["foreground"]>) {
        const foreground = await session.foreground(...args);
        const wait = () => {
          end();
          return foreground.wait();
        };
        return { send: (signal: number) => foreground.send(signal), wait };
      },
    },
  });
}
