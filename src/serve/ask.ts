/** Asks the tsrun server: what it has done, and why it would not do what a process wants. */
import type { Caller } from "../agent/caller.ts";
import { SyscallError } from "../kernel/call.ts";
import { close } from "../kernel/calls.ts";
import { entryNotes } from "../kernel/entry-notes.ts";
import { readAll, writeAll } from "../kernel/files.ts";
import { here } from "../kernel/here.ts";
import { connectUnix, peerCredentials } from "../kernel/socket.ts";
import { UserError } from "../kernel/user-error.ts";
import { readable } from "../kernel/wait.ts";
import { proofOf, socketPath, whyQuestion } from "./protocol.ts";

/** Milliseconds for an answer. */
const PATIENCE = 2000;

/** What the server at this path says. @throws UserError when there is none */
export async function ask(path: string, question: string | ((listener: number) => string)): Promise<string> {
  const connection = connected(path);
  try {
    const words = typeof question === "string" ? question : question(peerCredentials(connection).pid);
    writeAll(connection, words);
    if (await readable(connection, PATIENCE)) return new TextDecoder().decode(readAll(connection));
  } catch (error) {
    if (error instanceof SyscallError)
      throw new UserError(`serve: ${path}`, "the process that listens there has just ended");
    throw error;
  } finally {
    here(close(connection));
  }
  throw new UserError(`serve: ${path}`, "the process that listens there doesn't answer");
}

function connected(path: string): number {
  try {
    return connectUnix(path);
  } catch (error) {
    throw error instanceof SyscallError
      ? new UserError(`serve: ${path}`, "no tsrun server listens there")
      : error;
  }
}

/** Why a process is not served; null for what is no reason. */
export interface Reasons {
  /** The server's; null without one. */
  readonly pid: number | null;
  /** Why no command of this process is. */
  readonly process: string | null;
  /** Why this command isn't. */
  readonly command: string | null;
}

/** Why tsrun's own process is not served. */
export async function reasonsHere({ uid, env }: Pick<Caller, "uid" | "env">): Promise<Reasons> {
  const none = (process: string): Reasons => ({ pid: null, process, command: null });
  const { TSRUN_SERVE: own } = env;
  if (own && !own.startsWith("/")) return none(`TSRUN_SERVE is ${JSON.stringify(own)}`);
  const path = socketPath(uid, env);
  if (path === undefined) return none("XDG_RUNTIME_DIR is not set");
  try {
    const why = (listener: number) => whyQuestion(entryNotes()?.build ?? 0n, proofOf(listener));
    return JSON.parse(await ask(path, why)) as Reasons; // what server.ts says
  } catch (error) {
    return none(`${path}: ${error instanceof UserError ? error.problem : "no tsrun server listens there"}`);
  }
}
