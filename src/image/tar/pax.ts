/** Extended headers of pax (POSIX.1-2001): records of `LENGTH KEY=VALUE\n` before the entry that they are about. */
import type { FileTime } from "../../kernel/structs.ts";
import { UserError } from "../../kernel/user-error.ts";
import { latin1 } from "../names.ts";

/** Keys with their values, of a byte a character; keys that stand in one header several times have several. */
export class PaxRecords {
  private readonly records: readonly (readonly [key: string, value: string])[];

  private constructor(records: readonly (readonly [string, string])[]) {
    this.records = records;
  }

  static readonly NONE = new PaxRecords([]);

  /** @throws UserError */
  static read(content: Uint8Array): PaxRecords {
    const text = latin1(content);
    const records: [string, string][] = [];
    for (let at = 0; at < text.length; ) {
      const space = text.indexOf(" ", at);
      const digits = text.slice(at, space);
      const end = at + Number(digits);
      const equals = text.indexOf("=", space);
      const isRecord = /^[1-9]\d{0,8}$/.test(digits) && end <= text.length && text[end - 1] === "\n";
      if (!isRecord || equals <= space + 1 || equals >= end)
        throw new UserError("has an extended header (pax) that cannot be read");
      if (text.slice(space, equals).includes("\0"))
        throw new UserError("has an extended header (pax) whose key has a NUL byte");
      records.push([text.slice(space + 1, equals), text.slice(equals + 1, end - 1)]);
      at = end;
    }
    return new PaxRecords(records);
  }

  /** The last value; undefined when there is none, or an empty one, which leaves the header's own. */
  get(key: string): string | undefined {
    return this.records.findLast(([name]) => name === key)?.[1] || undefined;
  }

  /** A value that a file system can have as a name. @throws UserError */
  name(key: string): string | undefined {
    const value = this.get(key);
    if (value?.includes("\0")) throw new UserError(`has a ${key} with a NUL byte (pax)`);
    return value;
  }

  /** @throws UserError */
  number(key: string): number | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    if (!/^\d+$/.test(value) || !Number.isSafeInteger(Number(value)))
      throw new UserError(`has a ${key} that is no number (pax)`);
    return Number(value);
  }

  /** Seconds with as many digits behind the point as it likes. @throws UserError */
  time(key: string): FileTime | undefined {
    const value = this.get(key);
    if (value === undefined) return undefined;
    const [, sign, whole, fraction = ""] = /^(-?)(\d{1,15})(?:\.(\d*))?$/.exec(value) ?? [];
    if (whole === undefined) throw new UserError(`has a ${key} that is no time (pax)`);
    const [seconds, nanoseconds] = [Number(whole), Number(fraction.slice(0, 9).padEnd(9, "0"))];
    if (sign === "" || (seconds === 0 && nanoseconds === 0)) return { seconds, nanoseconds };
    // The kernel's nanoseconds count forward.
    return nanoseconds === 0
      ? { seconds: -seconds, nanoseconds }
      : { seconds: -seconds - 1, nanoseconds: 1e9 - nanoseconds };
  }

  /** All whose keys begin so, by what follows. */
  *below(prefix: string): Generator<readonly [key: string, value: string]> {
    for (const [key, value] of this.records)
      if (key.startsWith(prefix)) yield [key.slice(prefix.length), value];
  }
}
