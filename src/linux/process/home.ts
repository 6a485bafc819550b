import type { Process } from "../../../runtime-spec/config.ts";
import type { Mailbox } from "../../agent/mailbox.ts";
import type { Program } from "../../agent/program.ts";
import type { StepResult } from "../../kernel/call.ts";
import { CWD, close, openat2, read } from "../../kernel/calls.ts";
import { O_NOCTTY, O_NONBLOCK, O_RDONLY, RESOLVE_NO_MAGICLINKS } from "../../kernel/constants.ts";
import { variable } from "./environment.ts";

/** Longer paths are no paths (limits.h). */
const PATH_MAX = 4096;

/** How much of the container's /etc/passwd is read, in bytes. */
const PASSWD_SIZE = 65_536;

/**
 * HOME of a process whose environment has none, or an empty one: from the container's /etc/passwd, else "/", as in
 * runc. Adds the steps that read the file, while the agent is still root: some images have it with mode 0640.
 * `environment` returns the environment afterwards.
 */
export function findHome(program: Program, process: Process) {
  const env = process.env ?? [];
  if (variable(env, "HOME")) return { environment: (_agent: Mailbox) => env };
  let length: StepResult = { step: 0 };
  program.by("HOME from the container's /etc/passwd");
  // O_NONBLOCK: an image may have a FIFO there; O_NOCTTY: or a terminal, which must not become the session's.
  const opened = program.whenOk(
    openat2(CWD, "/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY, RESOLVE_NO_MAGICLINKS),
    "all",
    (file) => {
      length = program.add(read(file, { room: PASSWD_SIZE }), "all");
      program.add(close(file));
    },
  );
  return {
    environment(agent: Mailbox): readonly string[] {
      const bytes = agent.result(opened) < 0 ? 0 : Math.max(0, agent.result(length));
      const text = new TextDecoder().decode(agent.filled(length, bytes));
      const others = env.filter((entry) => !entry.startsWith("HOME="));
      return [...others, `HOME=${homeOf(text, process.user?.uid ?? 0) ?? "/"}`];
    },
  };
}

/** The home directory of a uid in the text of a passwd(5) file. */
function homeOf(passwd: string, uid: number): string | undefined {
  for (const line of passwd.split("\n")) {
    const fields = line.split(":");
    const home = fields[5];
    if (fields[2] !== String(uid) || home === undefined) continue;
    return home === "" || home.length > PATH_MAX ? undefined : home;
  }
  return undefined;
}
