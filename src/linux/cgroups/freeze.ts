import { writeExisting } from "../../kernel/files.ts";
import { readIfThere, waitForEvents } from "./events.ts";

/**
 * Freezes all processes of a cgroup and returns when they have stopped (cgroup.freeze). A process in an uninterruptible
 * wait prevents that: then the cgroup is thawed again after `patience` milliseconds, and the answer is false.
 * @throws SyscallError
 */
export async function freeze(directory: string, patience: number): Promise<boolean> {
  writeExisting(`${directory}/cgroup.freeze`, "1");
  if (await waitForEvents(directory, ({ frozen }) => frozen, patience)) return true;
  thaw(directory);
  return false;
}

/** Thaws a cgroup. @throws SyscallError */
export function thaw(directory: string): void {
  writeExisting(`${directory}/cgroup.freeze`, "0");
}

/** Whether the cgroup itself was frozen, not just one above it. False when there is no such cgroup. */
export function isFrozen(directory: string): boolean {
  return readIfThere(directory, "cgroup.freeze")?.trim() === "1";
}
