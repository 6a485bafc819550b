import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

/** The processes of this PID namespace. */
export function processes(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** Whether a process is there; a zombie is, until it is reaped. */
export function exists(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

/** Whether a process is there and has not ended. */
export function lives(pid: number): boolean {
  try {
    return !/^[ZX]/.test(status(pid).get("State") ?? "X");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException; // readFileSync throws nothing else
    if (code === "ENOENT" || code === "ESRCH") return false;
    throw error;
  }
}

/** The fields of /proc/PID/status, proc_pid_status(5). */
export function status(pid: number | "self"): Status {
  return parseStatus(readFileSync(`/proc/${pid}/status`, "utf8"));
}

/** Values by the names of fields, such as `CapEff`. */
export type Status = ReadonlyMap<string, string>;

/** The fields of a status file's text. */
export function parseStatus(text: string): Status {
  const lines = [...text.matchAll(/^(\w+):\t?(.*)$/gm)];
  return new Map(lines.map(([, field = "", value = ""]) => [field, value.trim()]));
}

/** A process's command line; its name in brackets when it has none. */
export function commandLine(pid: number): string {
  const args = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").join(" ").trim();
  return args === "" ? `[${status(pid).get("Name")}]` : args;
}

/** The names of namespaces under /proc/PID/ns. */
export type NamespaceFile = "cgroup" | "ipc" | "mnt" | "net" | "pid" | "time" | "user" | "uts";

/** The namespace that a process is in, as `net:[4026531840]`. */
export function namespaceOf(pid: number | "self", file: NamespaceFile): string {
  return readlinkSync(`/proc/${pid}/ns/${file}`);
}

/** The processes with a command line. */
export function running(line: string): number[] {
  return processes().filter((pid) => {
    try {
      return commandLine(pid) === line;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException; // readFileSync throws nothing else
      if (code === "ENOENT" || code === "ESRCH") return false;
      throw error;
    }
  });
}
