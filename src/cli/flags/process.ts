import { UserError } from "../../kernel/user-error.ts";

interface ProcessFlags {
  readonly cwd: string | undefined;
  readonly env: readonly string[];
}

/** A capability as docker and podman name it, too: `net_raw`. */
export function capabilityNamed(word: string): string {
  const name = word.toUpperCase();
  return name.startsWith("CAP_") ? name : `CAP_${name}`;
}

/** Refuses a `--cwd` or an `--env` that no process can have. @throws UserError */
export function requireProcessFlags(command: string, { cwd, env }: ProcessFlags): void {
  if (cwd !== undefined && !cwd.startsWith("/"))
    throw new UserError(command, `--cwd must be an absolute path, not ${JSON.stringify(cwd)}`);
  for (const entry of env)
    if (entry.indexOf("=") <= 0)
      throw new UserError(command, `--env must have the form NAME=value, not ${JSON.stringify(entry)}`);
}
