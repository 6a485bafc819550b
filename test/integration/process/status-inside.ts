import { inside } from "../../harness/container.ts";
import { parseStatus, type Status } from "../../harness/processes.ts";

/** /proc/self/status of a program in a container whose `process` is changed. */
export function statusInside(process = {}, call = {}): Status {
  return parseStatus(inside(["cat", "/proc/self/status"], { process }, call));
}
