// Runs beside other files.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS, namespaces, type Patch } from "../../harness/bundle.ts";
import { cgroup2Mount } from "../../harness/cgroups.ts";
import { testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { runtime, silent } from "../../harness/runtime.ts";

const IDS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];

function dryRun(patch: Patch): readonly string[] {
  const { path } = bundle({ args: ["true", "a b"], ...patch });
  const { stdout } = silent(runtime(["create", "--dry-run", "--bundle", path, uniqueId()]));
  return stdout.trimEnd().split("\n");
}

/** Each pattern's line comes after the one of the pattern before. */
function inOrder(lines: readonly string[], patterns: readonly RegExp[]): void {
  let at = -1;
  for (const pattern of patterns) {
    const next = lines.findIndex((line, index) => index > at && pattern.test(line));
    assert.ok(next > at, `no ${pattern} after line ${at + 1} of\n${lines.join("\n")}`);
    at = next;
  }
}

testTsrun("--dry-run shows what tsrun does itself in its place between what the agents do", () => {
  const name = uniqueId();
  const lines = dryRun({
    process: {
      oomScoreAdj: 100,
      rlimits: [{ type: "RLIMIT_CORE", soft: 0, hard: 4096 }],
      scheduler: { policy: "SCHED_BATCH" },
    },
    hooks: {
      createRuntime: [{ path: "/bin/hook", args: ["hook", "1"] }],
      poststart: [{ path: "/bin/late" }],
    },
    linux: {
      cgroupsPath: `/${name}/inner`,
      namespaces: namespaces({ user: true }),
      uidMappings: IDS,
      gidMappings: IDS,
      resources: { unified: { "cgroup.max.depth": "3" } },
      seccomp: {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO" }],
      },
    },
  });
  inOrder(lines, [
    /^# tsrun: config.json: linux.cgroupsPath$/,
    new RegExp(`^mkdirat\\(AT_FDCWD, ".*/${name}/inner", 0755\\)$`),
    /^# stage: config.json: linux.namespaces$/,
    new RegExp(
      `^\\$\\d+ clone3\\(\\{flags=CLONE_INTO_CGROUP\\|.*CLONE_NEWUSER.*, cgroup=<.*/${name}/inner>\\}\\)$`,
    ),
    /^# tsrun: config.json: linux.uidMappings$/,
    /^write\(<\/proc\/INIT\/uid_map>, "0 100000 65536\\n", 15\)$/,
    /^# tsrun: config.json: linux.resources.unified\["cgroup.max.depth"\]$/,
    new RegExp(`^write\\(<.*/${name}/inner/cgroup.max.depth>, "3", 1\\)$`),
    /^bpf\(BPF_PROG_ATTACH, \{target_fd=<.*attach_type=BPF_CGROUP_DEVICE/,
    /^# init: config.json: linux.uidMappings/,
    /^\$\d+ setresuid\(0, 0, 0\)$/,
    /^# host agent: config.json: root.path/,
    /^# init: config.json: mounts\[0\] \(proc on \/proc\)$/,
    /^\$\d+ mkdirat\(\$\d+, "proc", 0755\) {2}\(EEXIST tolerated\)$/,
    /^# tsrun: config.json: hooks.createRuntime\[0\]$/,
    /^execve\("\/bin\/hook", \["hook", "1"\], <0 variables>\)$/,
    /^\$\d+ pivot_root\(".", "."\)$/,
    /^# tsrun: process.rlimits\[0\]$/,
    /^prlimit64\(INIT, RLIMIT_CORE, \{rlim_cur=0, rlim_max=4096\}, NULL\)$/,
    /^write\(<\/proc\/INIT\/oom_score_adj>, "100", 3\)$/,
    /^sched_setattr\(INIT, \{sched_policy=SCHED_BATCH\}, 0\)$/,
    /^# init: config.json: linux.seccomp$/,
    /^\$\d+ seccomp\(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, \{len=\d+\}\)$/,
    /^# init: process.args\[0\]$/,
    /^\$\d+ execve\("true", \["true", "a b"\], <\d+ variables>\)$/,
    /^# tsrun: config.json: hooks.poststart\[0\]$/,
  ]);
  assert.not.ok(existsSync(join(cgroup2Mount(), name)), "nothing is made");
});

testTsrun("--dry-run keeps the descriptors that --preserve-fds names", () => {
  const { path } = bundle();
  const { stdout } = silent(
    runtime(["create", "--dry-run", "--preserve-fds", "2", "--bundle", path, uniqueId()]),
  );
  const first = [...stdout.matchAll(/close_range\((\d+),/g)].map((match) => Number(match[1]));
  assert.equal([...new Set(first)], [5]);
});

testTsrun("--dry-run names every flag, and takes one line a step", () => {
  const mounts = [...DEFAULT_MOUNTS, { destination: "/etc", source: "/etc", options: ["rbind", "rro"] }];
  const lines = dryRun({ mounts, linux: { namespaces: namespaces() } });
  for (const line of lines) {
    assert.match(line, /^# |^(\$\d+ )?\w+\(.*\)/);
    assert.not.match(line, /\?\?\?/);
  }
  inOrder(lines, [
    /^# init: config.json: mounts\[\d+\] \(bind on \/etc\)$/,
    /mount_setattr\(.*AT_RECURSIVE\|AT_EMPTY_PATH, \{attr_set=MOUNT_ATTR_RDONLY\}\)/,
  ]);
});

leavesNothing();
test.run();
