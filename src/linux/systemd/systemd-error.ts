/** What systemd refuses, or that it can't be reached: a whole line to show. */
export class SystemdError extends Error {
  override readonly name = "SystemdError";
}
