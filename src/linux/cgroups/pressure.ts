import { ERRNO } from "../../kernel/errno.ts";
import { isErrno } from "../../kernel/files.ts";
import { readIfThere } from "./events.ts";

/** The share of time in which tasks waited, in percent, and the total in microseconds. */
interface PressureLine {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  readonly total: number;
}

export interface Pressure {
  readonly some: PressureLine;
  readonly full: PressureLine;
}

/** A cgroup's pressure stall information; null where the kernel keeps none (psi=0, cgroup.pressure). @throws SyscallError */
export function readPressure(directory: string, resource: "cpu" | "memory" | "io"): Pressure | null {
  const text = read(directory, `${resource}.pressure`);
  return text === null ? null : { some: pressureLine(text, "some"), full: pressureLine(text, "full") };
}

function read(directory: string, file: string): string | null {
  try {
    return readIfThere(directory, file);
  } catch (error) {
    // Some kernels have the file but want psi=1 on their command line.
    if (isErrno(error, ERRNO.EOPNOTSUPP)) return null;
    throw error;
  }
}

/** From a line such as `some avg10=0.00 avg60=0.00 avg300=0.00 total=961`. */
function pressureLine(text: string, kind: "some" | "full"): PressureLine {
  const line = text.split("\n").find((one) => one.startsWith(kind)) ?? "";
  const value = (key: string) => Number(line.match(` ${key}=([0-9.]+)`)?.[1] ?? 0);
  return { avg10: value("avg10"), avg60: value("avg60"), avg300: value("avg300"), total: value("total") };
}
