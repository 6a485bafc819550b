import { AS_JSON, BUNDLE, CWD, ENV, tableOrJson } from "./shared-flags.ts";
import type { CommandTable, FlagTable } from "./table-types.ts";

/** Commands without a container: unpack, spec, validate, check, explain, seccomp, features, draw. */

export const BUNDLE_COMMANDS = {
  unpack: {
    summary: "make a bundle from an OCI or docker image",
    args: ["IMAGE", "BUNDLE"],
    get flags() {
      return {
        tag: { kind: "string", value: "TAG", summary: "which image, if there are several" },
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
          summary: "limit of the unpacked size (default: 64G); -1 for no limit",
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
        env: ENV,
        cwd: CWD,
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
    summary: "check a config.json and list its errors",
    args: [],
    get flags() {
      return {
        bundle: BUNDLE,
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
          summary: "output format; tap is the Test Anything Protocol",
        },
        all: { kind: "bool", short: "a", summary: "show also what works" },
        json: AS_JSON,
        html: { kind: "bool", format: "html", summary: "the same as --format html: a page for a browser" },
      } as const satisfies FlagTable;
    },
  },
  explain: {
    summary: "explain a property of config.json, and what tsrun does with it",
    args: ["[PATH]"],
    flags: {},
  },
  seccomp: {
    summary: "say whether a profile allows a system call, and by which rule",
    args: ["[CALL...]"],
    get flags() {
      return {
        bundle: {
          kind: "string",
          short: "b",
          value: "DIR",
          summary: "the bundle whose linux.seccomp is the profile (default: the current directory)",
        },
        profile: {
          kind: "string",
          short: "p",
          value: "FILE",
          summary: "a file with the profile: linux.seccomp alone, or in docker's or podman's format",
        },
        cap: {
          kind: "strings",
          short: "c",
          value: "CAPABILITY",
          summary:
            "add to docker's default capabilities, on which rules of its profile depend; ALL: all, NONE: drop the default ones",
        },
        diff: {
          kind: "bool",
          summary: "show what only one of two profiles or bundles allows",
        },
        lint: { kind: "bool", summary: "find rules that do not do what they seem to, and common holes" },
        ...tableOrJson("output format"),
      } as const satisfies FlagTable;
    },
  },
  features: { summary: "print as JSON what tsrun supports", args: [], flags: {} },
  draw: {
    summary: "draw timelines that --trace has recorded, on one time axis",
    args: ["FILE", "[FILE...]"],
    get flags() {
      return {
        output: {
          kind: "string",
          short: "o",
          value: "FILE",
          summary: "write to FILE: *.svg, *.html, or else trace events (default: an SVG on stdout)",
        },
      } as const satisfies FlagTable;
    },
  },
} as const satisfies CommandTable;
