/** systemd has refused something, or can't be reached. The message is a whole line to show. */
export class SystemdError extends Error {
  override readonly name = "SystemdError";
}
