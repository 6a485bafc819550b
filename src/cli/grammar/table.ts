/**
 * tsrun's command line, as data. Parsing, help, completion and the man page walk this table and know no
 * flag by name, so a flag exists in all of them or in none.
 */
import { BUNDLE_COMMANDS } from "./table-bundle.ts";
import { CRIU_COMMANDS } from "./table-criu.ts";
import { INSIDE_COMMANDS } from "./table-inside.ts";
import { LIFE_COMMANDS } from "./table-life.ts";
import type { ArgValues, Command, CommandTable, FlagTable, FlagValues } from "./table-types.ts";

/** Flags before the command. */
export const GLOBAL_FLAGS = {
  root: {
    kind: "string",
    value: "DIR",
    summary: "where the state of containers is kept (default: /run/tsrun, or $XDG_RUNTIME_DIR/tsrun)",
  },
  log: { kind: "string", value: "FILE", summary: "append messages to this file too (default: stderr only)" },
  "log-format": {
    kind: "choice",
    choices: ["text", "json"],
    default: "text",
    summary: "the form of messages in --log, or on stderr without it",
  },
  debug: { kind: "bool", summary: "log what is done, and how long it takes" },
  trace: {
    kind: "string",
    value: "FILE",
    summary: "write a timeline to FILE: *.svg and *.html are pictures, others open in Perfetto",
  },
  fault: {
    kind: "strings",
    value: "PLACE=WHAT",
    summary:
      "with TSRUN_FAULTS=1, make a step fail on purpose: mounts[3]=EIO, process.args=kill, root=delay:3s",
  },
  "systemd-cgroup": {
    kind: "bool",
    summary: "have systemd make the cgroup; cgroupsPath is then slice:prefix:name",
  },
  rootless: {
    kind: "choice",
    choices: ["auto", "true", "false"],
    default: "auto",
    summary: "go on without a cgroup if there is no permission to make one",
  },
  criu: {
    kind: "string",
    value: "FILE",
    ignored: "criu is found in PATH",
    summary: "ignored, for old callers",
  },
  "no-serve": { kind: "bool", summary: "do not use the tsrun server, even if one runs" },
  help: { kind: "bool", short: "h", summary: "show help" },
  version: {
    kind: "bool",
    short: "v",
    summary: "print the version, and those of Bun, libseccomp and the kernel",
  },
} as const satisfies FlagTable;

const SELF_COMMANDS = {
  serve: {
    summary: "run a server that makes this user's commands faster",
    args: [],
    get flags() {
      return {
        idle: {
          kind: "duration",
          value: "TIME",
          default: 600_000,
          summary: "end after this time without a command, such as 90s or 10m",
        },
        status: { kind: "bool", summary: "show what the running server has done" },
        json: { kind: "bool", summary: "with --status: as JSON" },
      } as const satisfies FlagTable;
    },
  },
  completion: {
    summary: "print a completion script for a shell: bash, zsh or fish",
    args: ["SHELL"],
    flags: {},
  },
  help: { alias: "h", summary: "show help, or the help of one command", args: ["[COMMAND]"], flags: {} },
  __complete: {
    hidden: true,
    summary: "print what may come next on a command line",
    args: ["[WORD...]"],
    flagsFirst: true,
    flags: {},
  },
  __steps: {
    hidden: true,
    summary: "print the steps of a creation as JSON, for why",
    args: ["ID"],
    newId: true,
    flags: {
      bundle: { kind: "string", value: "DIR", default: ".", summary: "the bundle" },
      "no-pivot": { kind: "bool", summary: "as of create" },
      "no-new-keyring": { kind: "bool", summary: "as of create" },
    },
  },
  man: { hidden: true, summary: "print the man page as roff", args: [], flags: {} },
} as const satisfies CommandTable;

/** Every command, in the order of help. */
const COMMANDS = {
  ...LIFE_COMMANDS,
  ...INSIDE_COMMANDS,
  ...CRIU_COMMANDS,
  ...BUNDLE_COMMANDS,
  ...SELF_COMMANDS,
} as const satisfies CommandTable;

export type CommandName = keyof typeof COMMANDS;
export type Globals = FlagValues<typeof GLOBAL_FLAGS>;
export type FlagsOf<C extends CommandName> = FlagValues<(typeof COMMANDS)[C]["flags"]>;
export type ArgsOf<C extends CommandName> = ArgValues<(typeof COMMANDS)[C]["args"]>;

/** The names of COMMANDS: Object.keys() loses their type. */
export const COMMAND_NAMES = Object.keys(COMMANDS) as readonly CommandName[];

/** A command's entry for code that walks the table and does not care which command it is. */
export function commandEntry(name: CommandName): Command {
  return COMMANDS[name];
}

/** `tsrun create [flags] ID` */
export function usageLine(name: CommandName): string {
  const { flags, args } = commandEntry(name);
  return ["tsrun", name, ...(Object.keys(flags).length > 0 ? ["[flags]"] : []), ...args].join(" ");
}
