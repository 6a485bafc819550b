/** What a trial has shown of a feature. */
import { SyscallError } from "../kernel/call.ts";
import { ERRNO, type ErrnoName, errnoName } from "../kernel/errno.ts";
import { UserError } from "../kernel/user-error.ts";

export type Verdict =
  | { readonly state: "works"; readonly note?: string }
  /** The kernel, or the host, hasn't got it. */
  | ({ readonly state: "missing" } & Reason)
  /** It is there, and the caller may not use it. */
  | ({ readonly state: "forbidden" } & Reason)
  /** It cannot be tried at all. */
  | ({ readonly state: "skipped" } & Reason);

interface Reason {
  readonly why: string;
  readonly syscall?: string;
  readonly errno?: string;
}

/** Ends a trial: the host hasn't got what is tried. */
export class Missing extends Error {}

/** Ends a trial: the caller may not use what is tried. */
export class Forbidden extends Error {}

/** Ends a trial that cannot be made. */
export class Skipped extends Error {}

/** What these errnos say: somebody could, or it could be allowed. All others say that it isn't there. */
const FORBIDS: readonly ErrnoName[] = ["EPERM", "EACCES", "EROFS", "EBUSY", "ENOSPC", "EUSERS", "EDQUOT"];

/** The verdict of a trial that ended so. @throws what no trial should throw */
export function verdictOn(error: unknown): Verdict {
  if (error instanceof SyscallError) return verdictOnCall(error);
  if (error instanceof UserError) return { state: "missing", why: error.problem };
  if (!(error instanceof Error)) throw error;
  const why = error.message;
  if (error instanceof Missing) return { state: "missing", why };
  if (error instanceof Forbidden) return { state: "forbidden", why };
  if (error instanceof Skipped) return { state: "skipped", why };
  throw error;
}

function verdictOnCall({ call, errno, message }: SyscallError): Verdict {
  const state = FORBIDS.some((name) => ERRNO[name] === errno) ? "forbidden" : "missing";
  return { state, why: message, syscall: call.name, errno: errnoName(errno) };
}
