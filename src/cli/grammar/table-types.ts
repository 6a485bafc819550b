/** What the command line's table is made of, and the types of what parsing it yields. */

import type { Integer } from "../../../runtime-spec/int64.ts";

type FlagEntry = {
  /** One letter, written `-b`. */
  readonly short?: string;
  /** One line for help, completion and the man page: lower case, no full stop. */
  readonly summary: string;
  /** Accepted for old callers but does nothing; the text is the warning that says so. */
  readonly ignored?: string;
};

/** A flag with a value; `value` is its placeholder in help. DIR, FILE and SOCKET also guide completion. */
type ValueEntry = FlagEntry & { readonly value: string };

export type Flag =
  | (FlagEntry & {
      readonly kind: "bool";
      /** Another way to write --format with this value. */
      readonly format?: string;
    })
  | (ValueEntry & { readonly kind: "string"; readonly default?: string })
  | (ValueEntry & { readonly kind: "strings" })
  | (ValueEntry & { readonly kind: "int"; readonly default?: number; readonly min?: number })
  | (ValueEntry & { readonly kind: "ints"; readonly min?: number })
  | (ValueEntry & { readonly kind: "int64"; readonly min?: number })
  | (ValueEntry & { readonly kind: "bytes" })
  | (ValueEntry & { readonly kind: "duration"; readonly default?: number })
  | (FlagEntry & { readonly kind: "choice"; readonly choices: readonly string[]; readonly default?: string });

/** Flags by their long name, as typed: `console-socket`. */
export type FlagTable = { readonly [name: string]: Flag };

export type Command = {
  readonly summary: string;
  /** Positional arguments as the usage line shows them: `ID`, `[SIGNAL]`, `[ARG...]`. */
  readonly args: readonly string[];
  /** A getter where there are many: each start of tsrun builds the flags of one command only. */
  readonly flags: FlagTable;
  readonly alias?: string;
  /** ID names a container that does not exist yet. */
  readonly newId?: true;
  /** Flags end at the first argument: what follows the container's id belongs to another program. */
  readonly flagsFirst?: true;
  /** A flag with which no argument is needed. */
  readonly inPlaceOfArgs?: string;
  /** Works, but help and completion leave it out. */
  readonly hidden?: true;
};

export type CommandTable = { readonly [name: string]: Command };

type CamelCase<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;

type WithDefault<F, T> = F extends { readonly default: T } ? T : T | undefined;

type FlagValueOf<F> = F extends { readonly kind: "bool" }
  ? boolean
  : F extends { readonly kind: "string" }
    ? WithDefault<F, string>
    : F extends { readonly kind: "strings" }
      ? readonly string[]
      : F extends { readonly kind: "ints" }
        ? readonly number[]
        : F extends { readonly kind: "int" | "duration" }
          ? WithDefault<F, number>
          : F extends { readonly kind: "int64" | "bytes" }
            ? Integer | undefined
            : F extends { readonly kind: "choice"; readonly choices: readonly (infer C)[] }
              ? F extends { readonly default: string }
                ? C
                : C | undefined
              : never;

/**
 * What a flag table parses to: `console-socket` becomes `consoleSocket`. A flag that was not given is its
 * default, `false`, an empty list, or undefined. `bytes` are bytes, a `duration` is in milliseconds.
 */
export type FlagValues<T> = {
  readonly [Name in keyof T & string as CamelCase<Name>]: FlagValueOf<T[Name]>;
};

/** What an `args` list parses to: `["ID", "[SIGNAL]"]` becomes `[string, string?]`. */
export type ArgValues<A> = A extends readonly [infer First, ...infer Rest]
  ? First extends `[${string}...]`
    ? readonly string[]
    : First extends `[${string}]`
      ? readonly [string?, ...ArgValues<Rest>]
      : readonly [string, ...ArgValues<Rest>]
  : readonly [];
