/** What `--dry-run` and `--debug` print of programs: every number that has a name is printed by it. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Config } from "../../../runtime-spec/config.ts";
import { OwnCaller } from "../../../src/agent/own-caller.ts";
import type { Step } from "../../../src/agent/program.ts";
import type { Bundle } from "../../../src/container/bundle.ts";
import type { CgroupDriver } from "../../../src/container/cgroup/driver.ts";
import { defaultConfig } from "../../../src/container/default-config.ts";
import { dryRun } from "../../../src/container/dry-run.ts";
import { spell } from "../../../src/kernel/spell/spell.ts";
import { NAMESPACES } from "../../../src/linux/namespaces.ts";
import { initProgram } from "./init-programs.ts";

const CONFIGS = join(import.meta.dir, "../runtime-spec/configs");

/** The whole program of a config's init. */
function programOf(config: Config, inUserNamespace = false): readonly Step[] {
  const types = (config.linux?.namespaces ?? []).map(({ type }) => type);
  const others = types.filter((type) => type !== "user");
  const created = inUserNamespace ? [...others, "user" as const] : others;
  return initProgram(config, created, { path: "/", rootfs: "/" }, true);
}

/** A config whose sources are where it was written, with one that is here too in their place. */
function onThisHost(config: Config): Config {
  const here = (source = "") => (source.startsWith("/") && !existsSync(source) ? "/etc/passwd" : source);
  return {
    ...config,
    mounts: config.mounts?.map((mount) => ({ ...mount, source: here(mount.source) })) ?? [],
  };
}

/** Calls with numbers that are what they are: ids, descriptors, lengths, how many, and 0 and 1. */
const PLAIN =
  /^(close_range|dup3|exit_group|execve|fchown|fchownat|madvise|munmap|prctl|read|readlinkat|set(group|resgid|resuid|hostname|domainname)s?|statx|write)\(/;

/** The numbers in a spelled call that stand for themselves, without those that are seen to be something. */
function bareNumbers(spelled: string): readonly string[] {
  if (PLAIN.test(spelled)) return spelled.match(/\?\?\?/g) ?? [];
  const rest = spelled
    .replaceAll(/"(\\.|[^"\\])*"/g, '""')
    .replaceAll(
      /\$\d+|makedev\(\d+, \d+\)|userns_fd=\d+|(cgroup|insn_cnt|rlim_cur|rlim_max|sched_priority)=\d+|ws_\w+=\d+|<\d+ bytes>|\b0[0-7]+\b|\*0x2000000\w+/g,
      "",
    )
    .replaceAll(/\bIOPRIO_PRIO_VALUE\((\w+), \d\)|\bsched_setaffinity\(INIT, \d+, \[.*\]/g, "$1")
    .replaceAll(/\bset_mempolicy\((\S+), \[.*\], \d+\)/g, "$1");
  return rest.match(/\b(?!0\b)\d\w*|0x\w+|\?\?\?/g) ?? [];
}

const process = defaultConfig().process ?? { cwd: "/", args: ["true"] };

/** Properties that bring calls of their own. */
const RARE: Config = {
  ...defaultConfig(),
  hostname: "h",
  domainname: "d",
  process: {
    ...process,
    terminal: true,
    consoleSize: { height: 24, width: 80 },
    user: { uid: 7, gid: 8, additionalGids: [9, 10], umask: 0o77 },
    capabilities: {
      bounding: ["CAP_KILL"],
      permitted: ["CAP_KILL"],
      inheritable: ["CAP_KILL"],
      ambient: ["CAP_KILL"],
    },
    noNewPrivileges: false,
  },
  mounts: [
    ...(defaultConfig().mounts ?? []),
    {
      destination: "/a",
      source: "/tmp",
      options: ["rbind", "ro", "rnosuid", "noatime", "rshared", "nosymfollow"],
    },
    { destination: "/b", source: "/etc/passwd", options: ["bind", "unbindable", "norelatime", "nodiratime"] },
    { destination: "/c", type: "tmpfs", options: ["tmpcopyup", "noexec", "private"] },
    { destination: "/a", options: ["remount", "rw", "strictatime"] },
  ],
  linux: {
    ...defaultConfig().linux,
    namespaces: NAMESPACES.map(({ type }) => ({ type })),
    devices: [
      { path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o666, uid: 1, gid: 2 },
      { path: "/dev/fifo", type: "p" },
      { path: "/dev/disk", type: "b", major: 259, minor: 1_000_000 },
    ],
    sysctl: { "net.ipv4.ip_forward": "1" },
    personality: { domain: "LINUX32" },
    memoryPolicy: { mode: "MPOL_BIND", nodes: "0-3", flags: ["MPOL_F_STATIC_NODES"] },
    rootfsPropagation: "shared",
  },
};

const configs = new Map<string, Config>([
  ["the default config", defaultConfig()],
  ["rare properties", RARE],
  ...readdirSync(CONFIGS).map(
    (file) => [file, onThisHost(JSON.parse(readFileSync(join(CONFIGS, file), "utf8")) as Config)] as const, // callers wrote them
  ),
]);

for (const [name, config] of configs)
  for (const inUserNamespace of [false, true])
    test(`no call has a bare flag number: ${name}${inUserNamespace ? " in a user namespace" : ""}`, () => {
      const spelled = programOf(config, inUserNamespace).map(({ call }) => spell(call));
      assert.ok(spelled.length > 50);
      assert.equal(
        spelled.filter((line) => bareNumbers(line).length > 0),
        [],
      );
    });

/** A cgroup driver that makes nothing. */
const NO_CGROUPS: CgroupDriver = {
  locate: async () => ({ mount: "/sys/fs/cgroup", path: "/sys/fs/cgroup/x" }),
  create: async () => ({
    saved: null,
    fd: null,
    notes: [],
    applyLimits: () => {},
    remove: async () => {},
    close: () => {},
  }),
  change: async () => {},
  remove: async () => {},
};

test("nor have those of the stage, the host agent, the parked init and tsrun", async () => {
  const ids = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const config = {
    ...RARE,
    process: {
      ...process,
      oomScoreAdj: 5,
      rlimits: [{ type: "RLIMIT_CORE", soft: 0, hard: 4096 }],
      scheduler: { policy: "SCHED_FIFO", priority: 5, flags: ["SCHED_FLAG_RESET_ON_FORK"] },
      ioPriority: { class: "IOPRIO_CLASS_RT", priority: 3 },
    },
    linux: { ...RARE.linux, uidMappings: ids, gidMappings: ids, timeOffsets: { monotonic: { secs: 9 } } },
  } satisfies Config;
  const bundle: Bundle = { path: "/", config, process: config.process, rootfs: "/", text: "", doubts: [] };
  const lines = await dryRun(new OwnCaller(), "x", bundle, NO_CGROUPS, {
    noPivot: false,
    noNewKeyring: false,
    preserveFds: 0,
  });
  const calls = lines.flatMap((line) =>
    line.startsWith("# ") ? [] : [line.replace(/^\$\d+ | {2}\(.*\)$/g, "")],
  );
  for (const name of ["clone3", "setns", "prlimit64", "sched_setattr", "ioprio_set", "execve", "madvise"])
    assert.ok(
      calls.some((call) => call.startsWith(`${name}(`)),
      name,
    );
  assert.equal(
    calls.filter((call) => bareNumbers(call).length > 0),
    [],
  );
});

test.run();
