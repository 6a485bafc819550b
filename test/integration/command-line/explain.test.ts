// Runs beside other files.
// What `explain` says of system calls, beside those that `--dry-run` lists for the same properties.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { deedFor } from "../../../src/cli/explain/answer.ts";
import { expand } from "../../../src/cli/explain/claims.ts";
import { DEEDS } from "../../../src/cli/explain/deeds.ts";
import { explainable, propertyAt } from "../../../src/cli/explain/paths.ts";
import { bundle, capabilities, DEFAULT_MOUNTS, namespaces, type Patch } from "../../harness/bundle.ts";
import { freshDirectory, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint, runtime, silent } from "../../harness/runtime.ts";

const properties = explainable().map(([property]) => property);

/** The calls that a dry run lists below each property. */
function callsOf(patch: Patch): Map<string, Set<string>> {
  const { path } = bundle({ args: ["true"], ...patch });
  const { stdout } = silent(runtime(["create", "--dry-run", "--bundle", path, uniqueId()]));
  const found = new Map<string, Set<string>>();
  let calls = new Set<string>();
  for (const line of stdout.trimEnd().split("\n")) {
    const [, owner] = /^# [\w ]+?: (.*)$/.exec(line) ?? [];
    if (line.startsWith("#")) {
      const property = owner === undefined ? null : propertyAt(owner, properties);
      calls = property === null ? new Set() : (found.get(property) ?? new Set());
      if (property !== null) found.set(property, calls);
    } else calls.add(/^(?:\$\d+ )?(\w+)\(/.exec(line)?.[1] ?? line);
  }
  return found;
}

const IDS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];

/** Configs that together have most of what this machine can list without doing it. */
function patches(): readonly Patch[] {
  const socket = join(freshDirectory("agent"), "socket");
  writeFileSync(socket, "");
  return [
    {
      domainname: "example",
      root: { readonly: true },
      mounts: [
        ...DEFAULT_MOUNTS,
        { destination: "/data", type: "bind", source: freshDirectory("data"), options: ["rbind", "rro"] },
      ],
      process: {
        cwd: "/tmp",
        user: { uid: 1000, gid: 1000, additionalGids: [7], umask: 0o77 },
        capabilities: capabilities(["CAP_KILL"], { ambient: true }),
        oomScoreAdj: 100,
        scheduler: { policy: "SCHED_BATCH" },
        ioPriority: { class: "IOPRIO_CLASS_IDLE" },
      },
      hooks: {
        createRuntime: [{ path: "/bin/true" }],
        createContainer: [{ path: "/bin/true" }],
        startContainer: [{ path: "/bin/true" }],
        poststart: [{ path: "/bin/true" }],
      },
      linux: {
        rootfsPropagation: "rprivate",
        namespaces: namespaces({ cgroup: true, time: true, network: "/proc/self/ns/net" }),
        timeOffsets: { boottime: { secs: 7 } },
        devices: [{ type: "c", path: "/dev/own", major: 1, minor: 3, fileMode: 0o600, uid: 7, gid: 7 }],
        sysctl: { "kernel.msgmax": "4242" },
        personality: { domain: "LINUX32" },
        memoryPolicy: { mode: "MPOL_BIND", nodes: "0" },
        resources: { unified: { "cgroup.max.depth": "3" } },
        seccomp: {
          defaultAction: "SCMP_ACT_ALLOW",
          syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO" }],
        },
      },
    },
    { linux: { namespaces: namespaces({ user: true }), uidMappings: IDS, gidMappings: IDS } },
    { process: { terminal: true, consoleSize: { height: 24, width: 80 } } },
  ];
}

/** Calls that prepare others, and are told only where there is no other. */
const PLUMBING = new Set([
  ...["openat", "openat2", "close", "fcntl", "statx", "fstatfs", "readlinkat", "faccessat2", "dup3"],
  ...["compare", "exit_group"],
]);

/** What depends on the controllers that the machine has. */
const SOMETIMES: readonly string[] = ["linux.cgroupsPath: write"];

const shown = new Map<string, Set<string>>();

testTsrun("explain names each call that --dry-run lists for a property", () => {
  for (const patch of patches())
    for (const [property, calls] of callsOf(patch))
      for (const call of calls) shown.set(property, (shown.get(property) ?? new Set()).add(call));
  assert.ok(shown.size > 40, `${shown.size} properties`);
  const unnamed = [...shown].flatMap(([property, calls]) => {
    const named = new Set(deedFor(property)?.calls.split(" "));
    return [...calls]
      .filter((call) => !named.has(call) && !PLUMBING.has(call))
      .map((call) => `${property}: ${call}`);
  });
  assert.equal(unnamed, []);
});

testTsrun("--dry-run lists each call that explain names, where it lists the property", () => {
  const unseen = Object.entries(DEEDS).flatMap(([names, { calls }]) => {
    const seen = expand(names).flatMap((property) => [...(shown.get(property) ?? [])]);
    const wanted = calls.split(" ").filter(Boolean);
    return seen.length === 0
      ? []
      : wanted.filter((call) => !seen.includes(call)).map((call) => `${names}: ${call}`);
  });
  assert.equal(
    unseen.filter((one) => !SOMETIMES.includes(one)),
    [],
  );
});

testTsrun("explain answers for a property, and lists all of them", () => {
  const { stdout } = silent(runtime(["explain", "linux.maskedPaths[3]"]));
  for (const words of [
    "linux.maskedPaths\n",
    "Paths that must not be readable inside.",
    "applied: ",
    "open_tree",
  ])
    assert.ok(stdout.includes(words), words);
  assert.match(stdout, "test/integration/mounts/masked-paths.test.ts: a masked file reads as empty");
  const lines = silent(runtime(["explain"]))
    .stdout.trimEnd()
    .split("\n");
  assert.is(lines.length, properties.length);
  assert.match(
    lines.find((line) => line.startsWith("process.commandLine ")) ?? "",
    /^\S+ +refused +The full/,
  );
});

testTsrun("an unknown path is one line with the nearest, and status 1", () => {
  const outcome = runtime(["explain", "linux.maskdPaths"]);
  assert.is(outcome.status, 1);
  assert.is(
    complaint(outcome),
    'tsrun: error: explain: config.json has no property "linux.maskdPaths" (did you mean linux.maskedPaths?); `tsrun explain` lists all',
  );
});

testTsrun("completion offers properties", () => {
  const { stdout } = silent(runtime(["__complete", "--", "explain", "linux.masked"]));
  assert.is(stdout, "linux.maskedPaths\tPaths that must not be readable inside.\n");
});

leavesNothing();
test.run();
