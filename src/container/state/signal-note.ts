/**
 * Who had tsrun signal a container last: a file in the state directory, since the kernel forgets who has sent a signal.
 * It is written before the signal is sent, while the container lives.
 */
import { parseJson } from "../../../runtime-spec/json.ts";
import { SyscallError } from "../../kernel/call.ts";
import { readTextIfThere, writeFile } from "../../kernel/files.ts";
import { processIn, processInfo } from "./process-info.ts";
import type { StateDirectory } from "./state-directory.ts";

const FILE = "signalled.json";

interface SignalNote {
  readonly signal: number;
  /** RFC 3339, UTC. */
  readonly at: string;
  /** Who called `tsrun kill`, and its name. */
  readonly pid: number;
  readonly name: string;
}

/** Notes it, if it can: a full disk is no reason not to kill. */
export function noteSignal(directory: StateDirectory, signal: number): void {
  const stat = readTextIfThere(`${directory.caller.proc}/stat`);
  const pid = stat === null ? 0 : processIn(stat).parent;
  const name = processInfo(pid)?.name ?? "";
  const note: SignalNote = { signal, at: new Date().toISOString(), pid, name };
  try {
    writeFile(FILE, JSON.stringify(note), 0o600, directory.fd);
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
  }
}

/** The last note; null when tsrun has sent no signal. @throws UserError when it is damaged */
export function signalNote(directory: StateDirectory): SignalNote | null {
  const text = readTextIfThere(FILE, directory.fd);
  return text === null ? null : (parseJson(text, `${directory.path}/${FILE}`) as SignalNote); // as written above
}
