import { CWD, ENV, PID_FILE, PIDFD_SOCKET, tableOrJson } from "./shared-flags.ts";
import type { CommandTable, FlagTable } from "./table-types.ts";

/** Commands on a running container: exec, ps, pause, resume, update, mounts, verify, logs, why, events. */

const KERNEL_MEMORY = {
  kind: "string",
  value: "SIZE",
  ignored: "the kernel has no such limit any more",
  summary: "ignored, for old callers",
} as const;

export const INSIDE_COMMANDS = {
  exec: {
    summary: "run another process in a container",
    args: ["ID", "[COMMAND...]"],
    flagsFirst: true,
    inPlaceOfArgs: "pid",
    get flags() {
      return {
        "console-socket": {
          kind: "string",
          value: "SOCKET",
          summary: "unix socket that receives the master end of the process's terminal",
        },
        "pidfd-socket": PIDFD_SOCKET,
        cwd: CWD,
        env: ENV,
        tty: { kind: "bool", short: "t", summary: "give the process a terminal" },
        user: { kind: "string", short: "u", value: "UID[:GID]", summary: "run as this user and group" },
        "additional-gids": { kind: "ints", short: "g", value: "GID", min: 0, summary: "join one more group" },
        process: {
          kind: "string",
          short: "p",
          value: "FILE",
          summary: "read the process from this JSON file, in place of COMMAND",
        },
        detach: { kind: "bool", short: "d", summary: "return once the process runs" },
        output: { kind: "string", value: "FILE", summary: "append what the process prints to this file" },
        "pid-file": PID_FILE,
        "process-label": { kind: "string", value: "LABEL", summary: "SELinux label of the process" },
        apparmor: { kind: "string", value: "PROFILE", summary: "AppArmor profile of the process" },
        "no-new-privs": { kind: "bool", summary: "no execve(2) may add privileges" },
        cap: {
          kind: "strings",
          short: "c",
          value: "CAPABILITY",
          summary: "add a capability, such as CAP_NET_RAW",
        },
        "preserve-fds": {
          kind: "int",
          value: "N",
          default: 0,
          min: 0,
          summary: "pass N more file descriptors on, after stdio and $LISTEN_FDS",
        },
        cgroup: {
          kind: "strings",
          value: "[CONTROLLER:]PATH",
          summary: "run in this existing cgroup below the container's",
        },
        "ignore-paused": { kind: "bool", summary: "allow a paused container; the process runs after resume" },
        tools: {
          kind: "string",
          value: "DIR",
          summary: "show only this process a directory of the host, with programs that the image lacks",
        },
        at: {
          kind: "string",
          value: "PATH",
          summary: "where the process finds the directory of --tools (default: /.tools)",
        },
        pid: {
          kind: "int",
          value: "PID",
          min: 1,
          summary: "enter the container of this process, of any runtime; COMMAND takes ID's place",
        },
        "no-seccomp": {
          kind: "bool",
          summary: "with --pid: do not copy the seccomp filter of that process",
        },
      } as const satisfies FlagTable;
    },
  },
  ps: {
    summary: "list the processes in a container",
    args: ["ID", "[PS-OPTION...]"],
    flagsFirst: true,
    get flags() {
      return tableOrJson("how to print the list; json prints process ids only");
    },
  },
  pause: { summary: "freeze every process in a container", args: ["ID"], flags: {} },
  resume: { summary: "thaw a paused container", args: ["ID"], flags: {} },
  update: {
    summary: "change a container's resource limits",
    args: ["ID"],
    get flags() {
      return {
        resources: {
          kind: "string",
          short: "r",
          value: "FILE",
          summary: "read linux.resources from this JSON file (- for stdin); other flags are then ignored",
        },
        "blkio-weight": { kind: "int", value: "N", min: 0, summary: "weight of block IO, 10 to 1000" },
        "cpu-period": {
          kind: "int64",
          value: "USEC",
          min: 0,
          summary: "CFS period; 0 for the system's default",
        },
        "cpu-quota": {
          kind: "int64",
          value: "USEC",
          summary: "CPU time allowed in a period; -1 for no limit",
        },
        "cpu-burst": {
          kind: "int64",
          value: "USEC",
          min: 0,
          summary: "unused quota that may be saved for later periods",
        },
        "cpu-share": { kind: "int64", value: "N", min: 0, summary: "CPU weight relative to other cgroups" },
        "cpu-rt-period": { kind: "int64", value: "USEC", min: 0, summary: "realtime period (cgroup v1)" },
        "cpu-rt-runtime": {
          kind: "int64",
          value: "USEC",
          summary: "realtime CPU time in a period (cgroup v1)",
        },
        "cpuset-cpus": { kind: "string", value: "LIST", summary: "CPUs to use, such as 0-2,4" },
        "cpuset-mems": { kind: "string", value: "LIST", summary: "memory nodes to use" },
        "cpu-idle": { kind: "int", value: "0|1", summary: "1: run only when nothing else wants the CPU" },
        memory: { kind: "bytes", value: "SIZE", summary: "memory limit, such as 512M; -1 for no limit" },
        "memory-reservation": {
          kind: "bytes",
          value: "SIZE",
          summary: "memory that is reclaimed last (memory.low)",
        },
        "memory-swap": {
          kind: "bytes",
          value: "SIZE",
          summary: "limit of memory and swap together; -1 for no limit",
        },
        "pids-limit": { kind: "int64", value: "N", summary: "number of processes allowed; -1 for no limit" },
        "kernel-memory": KERNEL_MEMORY,
        "kernel-memory-tcp": KERNEL_MEMORY,
        "l3-cache-schema": {
          kind: "string",
          value: "SCHEMA",
          summary: "Intel RDT L3 cache schema, such as L3:0=ff",
        },
        "mem-bw-schema": {
          kind: "string",
          value: "SCHEMA",
          summary: "Intel RDT memory bandwidth schema, such as MB:0=50",
        },
      } as const satisfies FlagTable;
    },
  },
  mounts: {
    summary: "add mounts to a running container, or remove or list them",
    args: ["ACTION", "ID", "[FILE]"],
    get flags() {
      return tableOrJson("output format of list");
    },
  },
  logs: {
    summary: "print the output of a container that was made with --output",
    args: ["ID"],
    get flags() {
      return {
        follow: { kind: "bool", short: "f", summary: "go on until the container has ended" },
      } as const satisfies FlagTable;
    },
  },
  verify: {
    summary: "compare a running container with its config.json",
    args: ["[ID]"],
    get flags() {
      return {
        pid: {
          kind: "int",
          value: "PID",
          min: 1,
          summary: "the init process of another runtime's container",
        },
        bundle: {
          kind: "string",
          short: "b",
          value: "DIR",
          summary: "with --pid: the bundle of that container",
        },
        ...tableOrJson("output format; json has everything that was compared"),
      } as const satisfies FlagTable;
    },
  },
  why: { summary: "say why a container hangs or has stopped", args: ["ID"], flags: {} },
  events: {
    summary: "print a container's events and statistics as JSON lines",
    args: ["ID"],
    get flags() {
      return {
        interval: {
          kind: "duration",
          value: "TIME",
          default: 5000,
          summary: "time between statistics, such as 500ms or 1m",
        },
        stats: { kind: "bool", summary: "print the statistics once and return" },
      } as const satisfies FlagTable;
    },
  },
} as const satisfies CommandTable;
