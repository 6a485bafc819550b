/** Faults on purpose as they are written: `mounts[3]=EIO`, `hooks.prestart[0]=delay:30s`, `init[17]:openat2=kill`. */
import { readDuration } from "../../kernel/duration.ts";
import { ERRNO, type ErrnoName } from "../../kernel/errno.ts";
import { NUMBERS, type SyscallName } from "../../kernel/syscall-numbers.ts";
import { UserError } from "../../kernel/user-error.ts";

/** Which steps are meant. */
type Where =
  /** Those that a property wants, or what else is named before a step in `--dry-run`; or what lies below it. */
  | { readonly kind: "property"; readonly name: string }
  /** One, by the number that `--dry-run` prints before it; of tsrun, its calls in the order in which it makes them. */
  | { readonly kind: "number"; readonly role: Role; readonly number: number };

const ROLES = ["tsrun", "stage", "init", "host"] as const;
export type Role = (typeof ROLES)[number];

type What =
  | { readonly kind: "errno"; readonly errno: number }
  /** In milliseconds. */
  | { readonly kind: "delay"; readonly time: number }
  | { readonly kind: "kill" };

export interface Fault {
  /** As it was written. */
  readonly text: string;
  readonly where: Where;
  /** Only steps that make this system call; null for any. */
  readonly call: SyscallName | null;
  readonly what: What;
}

/** The variable without which nobody gets a fault. */
const ALLOWED = "TSRUN_FAULTS";

/** @throws UserError when faults are not allowed here, or one can't be understood */
export function readFaults(
  place: string,
  texts: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): readonly Fault[] {
  if (env[ALLOWED] !== "1")
    throw new UserError(
      place,
      `faults are for tests: they are made only with ${ALLOWED}=1 in tsrun's environment`,
    );
  return texts.map((text) => readFault(place, text));
}

function readFault(place: string, text: string): Fault {
  const [, where = "", call, what = ""] = /^([^=]+?)(?::([a-z0-9_]+))?=(.*)$/.exec(text) ?? [];
  if (where === "")
    throw new UserError(place, `${JSON.stringify(text)}: write PLACE=WHAT, such as mounts[3]=EIO`);
  if (call !== undefined && !isCall(call))
    throw new UserError(place, `${JSON.stringify(text)}: tsrun makes no system call ${call}`);
  return { text, where: readWhere(where), call: call ?? null, what: readWhat(place, text, what) };
}

/** Whether it is a system call that tsrun knows. */
export const isCall = (name: string): name is SyscallName => name in NUMBERS;

function readWhere(text: string): Where {
  const [, role, number] = /^(tsrun|stage|init|host)\[(\d+)\]$/.exec(text) ?? [];
  const known = ROLES.find((one) => one === role);
  if (known !== undefined) return { kind: "number", role: known, number: Number(number) };
  return { kind: "property", name: text.replace(/^config\.json: /, "") };
}

function readWhat(place: string, whole: string, text: string): What {
  if (text === "kill") return { kind: "kill" };
  const time = text.startsWith("delay:") ? readDuration(text.slice("delay:".length)) : undefined;
  if (time !== undefined) return { kind: "delay", time };
  const errno = ERRNO[text as ErrnoName] as number | undefined; // any text
  if (errno !== undefined) return { kind: "errno", errno };
  throw new UserError(
    place,
    `${JSON.stringify(whole)}: WHAT is an errno such as EIO, delay:TIME such as delay:30s, or kill`,
  );
}

/** What of an owner is no name: ` (proc on /proc)`, and words that are meant for errors. */
const property = (owner: string): string =>
  owner
    .replace(/: error running .*/, "")
    .replace(/^config\.json: /, "")
    .replace(/ \(.*/, "");

/** Whether a step that is made for `owner` is meant by this name. */
export function isFor(owner: string, name: string): boolean {
  const own = property(owner);
  if (own === name || owner === name) return true;
  return own.startsWith(name) && /^[.[]/.test(own.slice(name.length));
}
