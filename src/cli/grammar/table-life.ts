import {
  AS_JSON,
  BUNDLE,
  CONSOLE_SOCKET,
  NO_SUBREAPER,
  OUTPUT,
  PID_FILE,
  PIDFD_SOCKET,
} from "./shared-flags.ts";
import type { CommandTable, FlagTable } from "./table-types.ts";

/** Commands of a container's life: create, run, start, state, kill, delete, list. */

const CREATION_FLAGS = {
  bundle: BUNDLE,
  "console-socket": CONSOLE_SOCKET,
  "pid-file": PID_FILE,
  "pidfd-socket": PIDFD_SOCKET,
  "no-pivot": {
    kind: "bool",
    summary: "enter the root without pivot_root(2), for a bundle on the initial ramdisk (less safe)",
  },
  "no-new-keyring": { kind: "bool", summary: "keep the caller's session keyring" },
  "preserve-fds": {
    kind: "int",
    value: "N",
    default: 0,
    min: 0,
    summary: "pass N more file descriptors on, after stdio and $LISTEN_FDS",
  },
  output: OUTPUT,
  "dry-run": { kind: "bool", summary: "show every step that would be taken, and take none" },
} as const satisfies FlagTable;

export const LIFE_COMMANDS = {
  create: {
    summary: "create a container from a bundle; its process waits for start",
    args: ["ID"],
    newId: true,
    flags: CREATION_FLAGS,
  },
  start: {
    summary: "start the process of a created container",
    args: ["ID"],
    flags: {},
  },
  run: {
    summary: "create and start a container, and wait for its process",
    args: ["ID"],
    newId: true,
    get flags() {
      return {
        ...CREATION_FLAGS,
        detach: { kind: "bool", short: "d", summary: "return once the process runs" },
        keep: { kind: "bool", summary: "keep the container's state after its process has ended" },
        "no-subreaper": NO_SUBREAPER,
      } as const satisfies FlagTable;
    },
  },
  state: {
    summary: "print the state of a container as JSON",
    args: ["ID"],
    flags: {},
  },
  kill: {
    summary: "send a signal (default: SIGTERM) to a container's init process",
    args: ["ID", "[SIGNAL]"],
    get flags() {
      return {
        all: { kind: "bool", short: "a", summary: "send it to every process in the container" },
      } as const satisfies FlagTable;
    },
  },
  delete: {
    summary: "remove what a stopped container still holds",
    args: ["ID"],
    get flags() {
      return {
        force: { kind: "bool", short: "f", summary: "kill the container first; no error if there is none" },
      } as const satisfies FlagTable;
    },
  },
  list: {
    summary: "list the containers under --root",
    args: [],
    get flags() {
      return {
        format: {
          kind: "choice",
          short: "f",
          choices: ["table", "json", "dot", "svg"],
          default: "table",
          summary: "output format; dot (Graphviz) and svg are pictures of pods",
        },
        json: AS_JSON,
        quiet: { kind: "bool", short: "q", summary: "print the ids only" },
        tree: {
          kind: "bool",
          short: "t",
          summary: "group containers that share namespaces, with what they use",
        },
        pod: { kind: "string", value: "ID", summary: "list only the pod of this container" },
        "all-roots": {
          kind: "bool",
          short: "a",
          summary: "also list the containers of containerd, CRI-O, podman and docker",
        },
      } as const satisfies FlagTable;
    },
  },
} as const satisfies CommandTable;
