/** Why a container has stopped: its status, whose memory ran out, and who is known to have sent the signal. */
import type { Config } from "../../../runtime-spec/config.ts";
import { signalName } from "../../kernel/signals.ts";
import { readIfThere } from "../../linux/cgroups/events.ts";
import { join } from "../../linux/paths.ts";
import { type Ending, endingOf } from "../state/ending.ts";
import type { Saved } from "../state/saved.ts";
import { signalNote } from "../state/signal-note.ts";
import type { StateDirectory } from "../state/state-directory.ts";
import type { Answer } from "./answer.ts";

type Ended = Parameters<typeof endingOf>[0];

/** What is to be seen of a container that has stopped. */
interface Stopped extends Ended {
  readonly id: string;
  /** Where cgroup v2 is mounted. */
  readonly mount: string | null;
  readonly config: Config | null;
  /** Null for another runtime's. */
  readonly directory: StateDirectory | null;
}

export function stoppedBecause(stopped: Stopped): Answer {
  const { id } = stopped;
  const ending = endingOf(stopped);
  const details = [...(ending?.oomKills ? memoryOf(stopped) : []), ...signalsOf(stopped, ending)];
  const [first] = details;
  const how = ending?.reason ?? "its exit status is known only to its parent; `run --keep` remembers it";
  return {
    line: `container ${id} has stopped: ${how}${first === undefined ? "" : `; ${first}`}`,
    details: details.slice(1),
  };
}

/** What the state says of a container of tsrun's own. */
export const stoppedOf = (saved: Saved, directory: StateDirectory, config: Config | null): Stopped => ({
  ...{
    id: saved.id,
    init: saved.init,
    cgroup: saved.cgroup?.path ?? null,
    mount: saved.cgroup?.mount ?? null,
  },
  ...{ directory, config },
  ...(saved.ended === undefined ? {} : { ended: saved.ended }),
});

/** The cgroups whose limits were met, from the container's upwards; the machine's memory when none was. */
function memoryOf({ cgroup, mount, config }: Stopped): readonly string[] {
  if (cgroup === null || mount === null) return [];
  const met: string[] = [];
  for (let path = cgroup; path.length > mount.length; path = join(path, "..")) {
    const times = Number(/^oom (\d+)$/m.exec(readIfThere(path, "memory.events.local") ?? "")?.[1] ?? 0);
    if (times === 0) continue;
    const limit = readIfThere(path, "memory.max")?.trim() ?? "gone";
    const own = config?.linux?.resources?.memory?.limit;
    const line =
      path !== cgroup || own === undefined ? "" : `, config.json: linux.resources.memory.limit (${own})`;
    met.push(`the limit that was met is that of ${path}: memory.max is ${limit}${line}, met ${count(times)}`);
  }
  return met.length > 0 ? met : ["no limit of its cgroups was met: the machine's own memory ran out"];
}

const count = (times: number) => (times === 1 ? "once" : `${times} times`);

/** Signals by which the kernel ends a process for a reason that config.json may have. */
const BY_KERNEL: Readonly<Record<string, string>> = {
  SIGSYS:
    "a system call for which its seccomp filter kills: config.json: linux.seccomp (see `tsrun seccomp`)",
  SIGXCPU: "its limit of CPU time: RLIMIT_CPU in config.json: process.rlimits",
  SIGXFSZ: "its limit of the size of files: RLIMIT_FSIZE in config.json: process.rlimits",
  SIGSEGV: "an error in the program",
  SIGBUS: "an error in the program, or a file or huge page that is not available",
  SIGILL: "an error in the program, or an instruction that the machine lacks",
  SIGFPE: "an error in the program",
  SIGABRT: "the program itself, by abort(3)",
};

function signalsOf({ directory }: Stopped, ending: Ending | null): readonly string[] {
  const note = directory === null ? null : signalNote(directory);
  const found: string[] = [];
  if (note !== null && (ending === null || ending.signal !== undefined || ending.oomKills === undefined)) {
    const name = signalName(note.signal);
    const by = `pid ${note.pid}${note.name === "" ? "" : ` (${note.name})`}`;
    const isIt = ending?.signal === undefined || ending.signal === name;
    if (isIt) found.push(`\`tsrun kill\`, called by ${by}, has sent it ${name} at ${note.at}`);
  }
  const { signal } = ending ?? {};
  if (found.length > 0 || signal === undefined || ending?.oomKills) return found;
  const cause = BY_KERNEL[signal];
  return [
    cause === undefined
      ? "the sender of the signal is not known: it was not `tsrun kill`"
      : `the usual cause is ${cause}`,
  ];
}
