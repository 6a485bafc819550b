import type { Flag, FlagTable } from "./table-types.ts";

/** Flags that mean the same for several commands. */

export const BUNDLE = {
  kind: "string",
  short: "b",
  value: "DIR",
  summary: "the bundle: a directory with config.json (default: the current directory)",
} as const satisfies Flag;

export const CONSOLE_SOCKET = {
  kind: "string",
  value: "SOCKET",
  summary: "unix socket that receives the master end of the container's terminal",
} as const satisfies Flag;

export const PIDFD_SOCKET = {
  kind: "string",
  value: "SOCKET",
  summary: "unix socket that receives a pidfd of the process",
} as const satisfies Flag;

export const PID_FILE = {
  kind: "string",
  value: "FILE",
  summary: "write the process id there",
} as const satisfies Flag;

export const OUTPUT = {
  kind: "string",
  value: "FILE",
  summary: "append what the process prints to this file, which logs shows",
} as const satisfies Flag;

export const NO_SUBREAPER = {
  kind: "bool",
  summary: "do not adopt the container's orphaned processes",
} as const satisfies Flag;

export const CWD = {
  kind: "string",
  value: "PATH",
  summary: "working directory, as the container sees it",
} as const satisfies Flag;

export const ENV = {
  kind: "strings",
  short: "e",
  value: "NAME=VALUE",
  summary: "set an environment variable",
} as const satisfies Flag;

/** Beside each --format that has it. */
export const AS_JSON = { kind: "bool", format: "json", summary: "the same as --format json" } as const;

/** The format of what people read in a table. */
export const tableOrJson = <const S extends string>(summary: S) =>
  ({
    format: { kind: "choice", short: "f", choices: ["table", "json"], default: "table", summary },
    json: AS_JSON,
  }) as const satisfies FlagTable;
