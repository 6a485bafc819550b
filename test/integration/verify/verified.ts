import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatJson } from "../../../runtime-spec/json.ts";
import { capabilities, DEFAULT_MOUNTS, type JsonObject, type Patch } from "../../harness/bundle.ts";
import type { Container } from "../../harness/container.ts";
import { command } from "../../harness/mount.ts";
import { outside } from "../../harness/outside.ts";
import { type Outcome, runtime } from "../../harness/runtime.ts";

interface Finding {
  readonly path: string;
  readonly state: "same" | "differs" | "changed" | "unseen";
  readonly found: string;
  readonly asked: string;
}

interface Verified {
  readonly outcome: Outcome;
  readonly findings: readonly Finding[];
  /** `PATH: FOUND` of what is not as it was asked for, by its state. */
  readonly differs: readonly string[];
  readonly changed: readonly string[];
  readonly unseen: readonly string[];
}

/** What `verify --json` finds of a container, by its id or by what else names it. */
export function verified(...of: readonly string[]): Verified {
  const outcome = runtime(["verify", "--json", ...of]);
  if (outcome.stderr !== "") throw new Error(outcome.stderr);
  const { findings } = JSON.parse(outcome.stdout) as { findings: readonly Finding[] }; // as documented
  const lines = (state: Finding["state"]) =>
    findings.filter((one) => one.state === state).map(({ path, found }) => `${path}: ${found}`);
  return {
    ...{ outcome, findings },
    ...{ differs: lines("differs"), changed: lines("changed"), unseen: lines("unseen") },
  };
}

/** Runs a shell's command as root in the container's namespaces of mounts and processes, with its root. */
export function inside(pid: number, script: string): void {
  command("nsenter", "--target", String(pid), "--mount", "--pid", "--root", "sh", "-c", script);
}

/** Changes a bundle's config.json after its container was made. */
export function edit({ path }: Container["bundle"], change: (config: ConfigText) => JsonObject): void {
  const file = join(path, "config.json");
  writeFileSync(file, formatJson(change(JSON.parse(readFileSync(file, "utf8")))));
}

/** A config.json as the tests change it. */
export interface ConfigText extends JsonObject {
  readonly process: JsonObject;
  readonly linux: JsonObject;
  readonly mounts: readonly JsonObject[];
}

export const SLEEP = { args: ["sleep", "600"] };

export const DATA = {
  destination: "/www",
  type: "bind",
  source: outside,
  options: ["rbind", "ro", "nosuid"],
};

/** Something of everything that can be verified here. */
export const RICH: Patch = {
  ...SLEEP,
  process: {
    user: { uid: 1000, gid: 1000, umask: 0o27, additionalGids: [5, 60] },
    cwd: "/tmp",
    capabilities: capabilities(["CAP_NET_RAW", "CAP_CHOWN"], { ambient: true }),
    oomScoreAdj: 300,
    rlimits: [
      { type: "RLIMIT_NOFILE", soft: 512, hard: 1024 },
      { type: "RLIMIT_CORE", soft: 0, hard: 0 },
    ],
  },
  root: { path: "rootfs", readonly: true },
  mounts: [
    ...DEFAULT_MOUNTS,
    DATA,
    {
      destination: "/run",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "nodev", "size=64k", "mode=711"],
    },
  ],
  linux: {
    devices: [{ path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o640, uid: 7, gid: 8 }],
    sysctl: {
      "net.ipv4.ip_forward": "1",
      "kernel.shmmax": "65536",
      "net.ipv4.ip_local_port_range": "20000 30000",
    },
    resources: { devices: [{ allow: false, access: "rwm" }], unified: { "cgroup.max.descendants": "7" } },
    seccomp: {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["acct"], action: "SCMP_ACT_ERRNO" }],
    },
  },
};

export const MAPPING = [{ containerID: 0, hostID: 100_000, size: 65_536 }];

export const pathOf = (line: string) => line.slice(0, line.indexOf(": "));

export function inProcess(change: JsonObject): (config: ConfigText) => JsonObject {
  return (config) => ({ ...config, process: { ...config.process, ...change } });
}
