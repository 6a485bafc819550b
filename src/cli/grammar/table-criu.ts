import { BUNDLE, CONSOLE_SOCKET, NO_SUBREAPER, OUTPUT, PID_FILE } from "./shared-flags.ts";
import type { CommandTable, FlagTable } from "./table-types.ts";

/** Commands that criu(8) works for: checkpoint, restore. */

const CRIU_FLAGS = {
  "work-path": { kind: "string", value: "DIR", summary: "where criu puts work files and logs" },
  "tcp-established": { kind: "bool", summary: "allow open TCP connections" },
  "ext-unix-sk": { kind: "bool", summary: "allow unix sockets that lead outside" },
  "shell-job": { kind: "bool", summary: "allow a process that uses the caller's terminal" },
  "link-remap": { kind: "bool", summary: "allow open files that have been unlinked" },
  "lazy-pages": { kind: "bool", summary: "restore memory on demand, through userfaultfd(2)" },
  "file-locks": { kind: "bool", summary: "handle file locks" },
  "manage-cgroups-mode": {
    kind: "choice",
    choices: ["soft", "full", "strict", "ignore"],
    summary: "how criu treats cgroups (default: soft)",
  },
  "empty-ns": {
    kind: "strings",
    value: "NAMESPACE",
    summary: "recreate this namespace without its contents",
  },
  "auto-dedup": { kind: "bool", summary: "remove duplicate pages from memory images" },
} as const satisfies FlagTable;

export const CRIU_COMMANDS = {
  checkpoint: {
    summary: "save a running container to disk",
    args: ["ID"],
    get flags() {
      return {
        "image-path": { kind: "string", value: "DIR", summary: "where the images are saved" },
        ...CRIU_FLAGS,
        "parent-path": { kind: "string", value: "DIR", summary: "images of the pre-dump before this one" },
        "leave-running": { kind: "bool", summary: "leave the container running" },
        "tcp-skip-in-flight": { kind: "bool", summary: "skip TCP connections that are being set up" },
        "status-fd": {
          kind: "int",
          value: "FD",
          default: -1,
          summary: "criu writes a byte to this descriptor when lazy pages are ready",
        },
        "page-server": { kind: "string", value: "ADDRESS:PORT", summary: "send the pages to this server" },
        "pre-dump": { kind: "bool", summary: "save memory only and leave the container running" },
      } as const satisfies FlagTable;
    },
  },
  restore: {
    summary: "restore a container from a checkpoint",
    args: ["ID"],
    newId: true,
    get flags() {
      return {
        bundle: BUNDLE,
        "image-path": { kind: "string", value: "DIR", summary: "where the images are read" },
        ...CRIU_FLAGS,
        "console-socket": CONSOLE_SOCKET,
        detach: { kind: "bool", short: "d", summary: "return once the process runs" },
        "pid-file": PID_FILE,
        output: OUTPUT,
        "no-subreaper": NO_SUBREAPER,
        "no-pivot": { kind: "bool", summary: "without effect: criu enters the root in its own way" },
        "lsm-profile": {
          kind: "string",
          value: "TYPE:NAME",
          summary: "LSM profile of the restored processes",
        },
        "lsm-mount-context": {
          kind: "string",
          value: "CONTEXT",
          summary: "LSM mount context of the restore",
        },
      } as const satisfies FlagTable;
    },
  },
} as const satisfies CommandTable;
