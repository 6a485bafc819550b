// Runs beside other files.
// A root that lacks a privilege makes no container, rather than one that has more than its config says.
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, capabilities, DEFAULT_MOUNTS, namespaces, type Patch } from "../harness/bundle.ts";
import { ranIn } from "../harness/container.ts";
import { testTsrun } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { complaint, succeeded } from "../harness/runtime.ts";
import { without } from "./check/checked.ts";

const OTHER_USER = { process: { user: { uid: 1000, gid: 1000 } } };

for (const [capability, what, patch, message] of [
  ["setpcap", "the bounding set could not be narrowed", {}, /capabilities\.bounding: prctl: EPERM/],
  ["setgid", "the caller's groups could not be left", {}, /additionalGids: setgroups: EPERM/],
  ["setuid", "the user could not be changed", OTHER_USER, /process\.user\.uid: setresuid: EPERM/],
  [
    "kill",
    "a capability could not be given",
    { process: { capabilities: capabilities(["CAP_KILL"]) } },
    /process\.capabilities: capset: EPERM/,
  ],
] as const satisfies readonly (readonly [string, string, Patch, RegExp])[]) {
  test(`without CAP_${capability.toUpperCase()} no container is made: ${what}`, () => {
    const { path } = bundle({ args: ["echo", "it runs"], ...patch });
    assert.match(complaint(ranIn(path, without(capability))), message);
  });
}

const IDS = [{ containerID: 0, hostID: 200_000, size: 65_536 }];
const MAPPED = { namespaces: namespaces({ user: true }), uidMappings: IDS, gidMappings: IDS };

for (const capability of ["sys_ptrace", "sys_chroot"])
  testTsrun(`a user namespace takes no CAP_${capability.toUpperCase()}`, () => {
    const mounts = [
      ...DEFAULT_MOUNTS,
      { destination: "/mnt", type: "bind", source: "/usr", options: ["rbind"] },
    ];
    const { path, rootfs } = bundle({
      args: ["sh", "-c", "test -d /mnt/bin && echo seen"],
      mounts,
      linux: MAPPED,
    });
    chmodSync(path, 0o755);
    mkdirSync(join(rootfs, "mnt"));
    assert.is(succeeded(ranIn(path, without(capability))).stdout, "seen\n");
  });

leavesNothing();
test.run();
