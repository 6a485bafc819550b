import { writeExisting } from "../../kernel/files.ts";
import { readIfThere, waitForEvents } from "./events.ts";

/** A cgroup that could not be frozen in time; it has been thawed again. */
export class FreezeTimeoutError extends Error {
  override readonly name = "FreezeTimeoutError";
}

/**
 * Freezes all processes of a cgroup and returns when they have stopped (cgroup.freeze). A process in an uninterruptible
 * wait prevents that: after `patience` milliseconds the cgroup is thawed again.
 * @throws FreezeTimeoutError, SyscallError
 */
export function freeze(directory: string, patience = 10_000): void {
  writeExisting(`${directory}/cgroup.freeze`, "1");
  if (waitForEvents(directory, ({ frozen }) => frozen, patience)) return;
  thaw(directory);
  throw new FreezeTimeoutError(
    `the processes in ${directory} did not all stop within ${patience / 1000} seconds`,
  );
}

/** Thaws a cgroup. @throws SyscallError */
export function thaw(directory: string): void {
  writeExisting(`${directory}/cgroup.freeze`, "0");
}

/** Whether the cgroup itself was frozen, not just one above it. False when there is no such cgroup. */
export function isFrozen(directory: string): boolean {
  return readIfThere(directory, "cgroup.freeze")?.trim() === "1";
}
