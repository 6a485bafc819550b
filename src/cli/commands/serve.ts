import type { Caller } from "../../agent/caller.ts";
import { close, execve } from "../../kernel/calls.ts";
import { AT_SYMLINK_NOFOLLOW, S_IFMT, S_IFSOCK } from "../../kernel/constants.ts";
import { ERRNO } from "../../kernel/errno.ts";
import { isErrno, readLink, readText, removeFile, status } from "../../kernel/files.ts";
import { attempt, here } from "../../kernel/here.ts";
import { connectUnix } from "../../kernel/socket.ts";
import { UserError } from "../../kernel/user-error.ts";
import { ask } from "../../serve/ask.ts";
import { STATUS, socketPath } from "../../serve/protocol.ts";
import { Server } from "../../serve/server.ts";
import type { Status } from "../../serve/statistics.ts";
import type { InvocationOf } from "../grammar/parse.ts";
import { UsageError } from "../grammar/usage-error.ts";
import { complain, print, table } from "../output/output.ts";
import { type Run, wantedBy } from "../served.ts";
import type { Session } from "../session/session.ts";
import { VERSION } from "../version.ts";

/** `tsrun serve`: does the commands of this user, until nobody has asked for a while. */
export async function serve(
  { flags, globals }: InvocationOf<"serve">,
  session: Session,
  run: Run,
): Promise<number> {
  const { caller } = session;
  const path = socketPath(caller.uid, caller.env);
  if (path === undefined)
    throw new UserError("serve", "a user's socket is in $XDG_RUNTIME_DIR, which is not set");
  if (flags.status) return await showStatus(session, path, flags.json);
  if (flags.json) throw new UsageError("serve", "--json goes with --status", globals);
  startAgainFor(caller);
  const server = new Server({
    ...{ at: listeningAt(session, path), idle: flags.idle, version: VERSION },
    wanted: (argv, asker) => wantedBy(run, argv, asker),
  });
  session.onEnd(() => server.end());
  if (session.complainsToTerminal) complain(session, `tsrun: serving on ${path}; Ctrl-C ends it`);
  await server.done;
  return 0;
}

/**
 * What Bun's engine reads at its start. Its last compiler, FTL, takes some 10 ms a function, and makes none of them
 * faster that wait for the kernel most of the time: it took a tenth of a server's processor time in its first thousands
 * of commands.
 */
const ENGINE = { BUN_JSC_useFTLJIT: "0" };

/**
 * Executes this program once more, unless the engine was started as a server's is to be. Where it can't, as its file was
 * removed or is in a directory that only others may enter, the server is a little slower.
 */
function startAgainFor({ env, proc }: Caller): void {
  if (Object.keys(ENGINE).every((name) => name in env)) return;
  const argv = readText(`${proc}/cmdline`).split("\0").slice(0, -1);
  const environment = Object.entries({ ...env, ...ENGINE }).map(([name, value]) => `${name}=${value}`);
  attempt(execve(readLink(`${proc}/exe`), argv, environment));
}

/** The socket that systemd has handed down (sd_listen_fds(3)), or a path for a new one. @throws UserError */
function listeningAt({ caller: { env }, pid }: Session, path: string) {
  if (env["LISTEN_FDS"] === "1" && env["LISTEN_PID"] === String(pid)) return { fd: 3 };
  try {
    here(close(connectUnix(path)));
  } catch (error) {
    if (!isErrno(error, ERRNO.ENOENT, ERRNO.ECONNREFUSED)) throw error;
    if (isErrno(error, ERRNO.ECONNREFUSED)) removeSocket(path);
    return { unix: path };
  }
  throw new UserError(
    `serve: ${path}`,
    "another tsrun server listens there already; `tsrun serve --status` asks it",
  );
}

/** Removes what a server has left that has ended. Other files refuse connections too. @throws UserError */
function removeSocket(path: string): void {
  const { mode } = status(path, AT_SYMLINK_NOFOLLOW);
  if ((mode & S_IFMT) !== S_IFSOCK) throw new UserError(`serve: ${path}`, "exists, and is not a socket");
  removeFile(path);
}

/** Asks the server that is there. @throws UserError when there is none */
async function showStatus(session: Session, path: string, json: boolean): Promise<number> {
  const text = await ask(path, STATUS);
  if (json) print(session, `${text}\n`);
  else for (const part of told(JSON.parse(text) as Status)) print(session, part); // what Server.status makes
  return 0;
}

function told({ version, pid, uptime, ending, running, memory, served, refused }: Status): readonly string[] {
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  return [
    `tsrun ${version}, pid ${pid}, for ${uptime} s; ${running} running${ending ? ", ending" : ""}; ${(memory / 2 ** 20).toFixed(1)} MB\n`,
    table([
      ["COMMAND", "SERVED", "P50", "P99"],
      ...Object.entries(served).map(([name, { count, p50, p99 }]) => [name, `${count}`, ms(p50), ms(p99)]),
    ]),
    ...Object.entries(refused).map(([reason, count]) => `not served: ${count} (${reason})\n`),
  ];
}
