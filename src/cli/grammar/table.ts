/**
 * tsrun's command line, as data. Parsing, help, completion and the man page walk this table and know no
 * flag by name, so a flag exists in all of them or in none.
 */
import { INSIDE_COMMANDS } from "./table-inside.ts";
import { LIFE_COMMANDS } from "./table-life.ts";
import {
  type ArgValues,
  AS_JSON,
  type Command,
  type CommandTable,
  type FlagTable,
  type FlagValues,
} from "./table-types.ts";

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
    summary: "write a timeline there: *.svg and *.html are pictures, others open in Perfetto",
  },
  fault: {
    kind: "strings",
    value: "PLACE=WHAT",
    summary:
      "with TSRUN_FAULTS=1, have a step fail on purpose: mounts[3]=EIO, process.args=kill, root=delay:3s",
  },
  "systemd-cgroup": {
    kind: "bool",
    summary: "let systemd make the cgroup; cgroupsPath is then slice:prefix:name",
  },
  rootless: {
    kind: "choice",
    choices: ["auto", "true", "false"],
    default: "auto",
    summary: "go on where a cgroup cannot be had for lack of permission",
  },
  criu: {
    kind: "string",
    value: "FILE",
    ignored: "criu is found in PATH",
    summary: "ignored, for old callers",
  },
  "no-serve": { kind: "bool", summary: "do it in this process, whether a tsrun serves or not" },
  help: { kind: "bool", short: "h", summary: "show help" },
  version: { kind: "bool", short: "v", summary: "print the version, and those of what it works with" },
} as const satisfies FlagTable;

const BUNDLE_COMMANDS = {
  unpack: {
    summary: "make a bundle from an image, of OCI or docker save",
    args: ["IMAGE", "BUNDLE"],
    get flags() {
      return {
        tag: { kind: "string", value: "TAG", summary: "which image, where there are several" },
        platform: {
          kind: "string",
          value: "OS/ARCH[/VARIANT]",
          summary: "for which platform (default: this machine's)",
        },
        rootless: { kind: "bool", summary: "for a user other than root: with a user namespace" },
        sandbox: { kind: "string", value: "ID", summary: "for a container in the pod whose sandbox is ID" },
        "max-size": {
          kind: "bytes",
          value: "SIZE",
          summary: "the most that it may unpack to (default: 64G); -1 for no limit",
        },
      } as const satisfies FlagTable;
    },
  },
  spec: {
    summary: "write a config.json to start from",
    args: ["[COMMAND...]"],
    flagsFirst: true,
    get flags() {
      return {
        bundle: {
          kind: "string",
          short: "b",
          value: "DIR",
          summary: "where to write it (default: the current directory)",
        },
        rootless: { kind: "bool", summary: "for a user other than root: with a user namespace" },
        sandbox: { kind: "string", value: "ID", summary: "for a container in the pod whose sandbox is ID" },
        rootfs: {
          kind: "string",
          value: "DIR",
          summary: "the root file system (default: the directory rootfs of the bundle)",
        },
        env: { kind: "strings", short: "e", value: "NAME=VALUE", summary: "set an environment variable" },
        cwd: { kind: "string", value: "PATH", summary: "working directory, as the container sees it" },
        mount: {
          kind: "strings",
          value: "MOUNT",
          summary: "one more mount: type=bind,source=DIR,target=DIR,readonly or type=tmpfs,target=DIR",
        },
        "no-terminal": { kind: "bool", summary: "for a process without a terminal" },
      } as const satisfies FlagTable;
    },
  },
  validate: {
    summary: "check a config.json and say what is wrong with it",
    args: [],
    get flags() {
      return {
        bundle: {
          kind: "string",
          short: "b",
          value: "DIR",
          summary: "the bundle: a directory with config.json (default: the current directory)",
        },
      } as const satisfies FlagTable;
    },
  },
  check: {
    summary: "check what this machine lets containers do",
    args: [],
    get flags() {
      return {
        bundle: { kind: "string", short: "b", value: "DIR", summary: "check what this bundle needs" },
        format: {
          kind: "choice",
          short: "f",
          choices: ["table", "json", "tap", "html"],
          default: "table",
          summary: "how to print what is found; tap is the Test Anything Protocol",
        },
        all: { kind: "bool", short: "a", summary: "have the table show also what works" },
        json: AS_JSON,
        html: { kind: "bool", format: "html", summary: "the same as --format html: a page for a browser" },
      } as const satisfies FlagTable;
    },
  },
  explain: {
    summary: "tell what becomes of a property of config.json",
    args: ["[PATH]"],
    flags: {},
  },
  seccomp: {
    summary: "may it make this system call, and which rule says so?",
    args: ["[CALL...]"],
    get flags() {
      return {
        bundle: {
          kind: "string",
          short: "b",
          value: "DIR",
          summary: "ask linux.seccomp of this bundle's config.json (default: the current directory's)",
        },
        profile: {
          kind: "string",
          short: "p",
          value: "FILE",
          summary: "ask this profile: linux.seccomp alone, or one of docker's or podman's",
        },
        cap: {
          kind: "strings",
          short: "c",
          value: "CAPABILITY",
          summary:
            "with this capability beside docker's default ones, or ALL, or NONE of them: rules of docker's profile depend on it",
        },
        diff: {
          kind: "bool",
          summary: "tell what one of two profiles or bundles allows and the other doesn't",
        },
        lint: { kind: "bool", summary: "tell what in the profile does not do what it seems to" },
        format: {
          kind: "choice",
          short: "f",
          choices: ["table", "json"],
          default: "table",
          summary: "how to print the answers",
        },
        json: AS_JSON,
      } as const satisfies FlagTable;
    },
  },
  features: { summary: "print what is supported as JSON", args: [], flags: {} },
  draw: {
    summary: "draw the commands that --trace has recorded, on one time axis",
    args: ["FILE", "[FILE...]"],
    get flags() {
      return {
        output: {
          kind: "string",
          short: "o",
          value: "FILE",
          summary: "write it there: *.svg, *.html, or else trace events (default: an SVG on stdout)",
        },
      } as const satisfies FlagTable;
    },
  },
} as const satisfies CommandTable;

const SELF_COMMANDS = {
  serve: {
    summary: "stay, and do the commands of this user faster than they could",
    args: [],
    get flags() {
      return {
        idle: {
          kind: "duration",
          value: "TIME",
          default: 600_000,
          summary: "end when nothing was asked for so long, such as 90s or 10m",
        },
        status: { kind: "bool", summary: "tell what the one that is there has done" },
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
