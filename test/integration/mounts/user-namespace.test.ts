// Runs beside other files.
// What a user namespace may mount, and what it is shown instead.
import { chmodSync, existsSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DEFAULT_MOUNTS, type JsonObject, namespaces } from "../../harness/bundle.ts";
import { inside, ran } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { type Mount, mountAt, parseMounts } from "../../harness/mountinfo.ts";
import { type Call, complaint } from "../../harness/runtime.ts";
import { testIf } from "../../harness/skip.ts";
import { directoryWithMount, PROC } from "../../harness/volumes.ts";

const OWN_IDS = [{ containerID: 0, hostID: 200_000, size: 65_536 }];

/** The mount table in a user namespace that has no `missing` namespace of its own. */
function tableInUserNamespace(
  missing: "pid" | "network" | "ipc",
  mounts: readonly JsonObject[],
  call: Call = {},
): Mount[] {
  const linux = {
    namespaces: namespaces({ user: true, [missing]: false }),
    uidMappings: OWN_IDS,
    gidMappings: OWN_IDS,
    maskedPaths: [],
    readonlyPaths: [],
  };
  return parseMounts(inside(["cat", "/proc/self/mountinfo"], { mounts, linux }, call));
}

test("sysfs in a user namespace with the host's network is the host's, read-only", () => {
  const table = tableInUserNamespace("network", DEFAULT_MOUNTS);
  const sysfs = mountAt(table, "/sys");
  assert.is(sysfs.fsType, "sysfs");
  for (const mount of table.filter(({ mountPoint }) => /^\/sys(\/|$)/.test(mountPoint)))
    assert.ok(mount.options.includes("ro"), mount.mountPoint);
});

test("its flags are those of a container's sysfs, whatever the host's has", () => {
  const lax = 'mount -o remount,bind,suid,dev,exec /sys && exec "$@"';
  const call = { through: ["unshare", "--mount", "sh", "-c", lax, "sh"] };
  const sysfs = { destination: "/sys", type: "sysfs", source: "sysfs" };
  const mounts = [...DEFAULT_MOUNTS.filter(({ destination }) => destination !== "/sys"), sysfs];
  const { options } = mountAt(tableInUserNamespace("network", mounts, call), "/sys");
  for (const flag of ["nosuid", "nodev", "noexec"]) assert.ok(options.includes(flag), `${flag}: ${options}`);
});

test("without a user namespace the host's network is shown by a sysfs as config.json wants it", () => {
  const sysfs = { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid"] };
  const mounts = [...DEFAULT_MOUNTS.filter(({ destination }) => destination !== "/sys"), sysfs];
  const linux = { namespaces: namespaces({ network: false }), maskedPaths: [], readonlyPaths: [] };
  const table = parseMounts(inside(["cat", "/proc/self/mountinfo"], { mounts, linux }));
  const below = table.filter(({ mountPoint }) => /^\/sys(\/|$)/.test(mountPoint));
  assert.equal(
    below.map(({ mountPoint, options }) => [mountPoint, ...options]),
    [["/sys", "rw", "nosuid", "relatime"]],
  );
});

test("proc in a user namespace with the host's processes is the host's", () => {
  assert.is(mountAt(tableInUserNamespace("pid", DEFAULT_MOUNTS), "/proc").fsType, "proc");
});

testIf(existsSync("/dev/mqueue"), "needs /dev/mqueue")(
  "mqueue in a user namespace with the host's ipc is the host's",
  () => {
    assert.is(mountAt(tableInUserNamespace("ipc", DEFAULT_MOUNTS), "/dev/mqueue").fsType, "mqueue");
  },
);

testTsrun("mqueue in a user namespace is refused where the host has none to show", () => {
  if (existsSync("/dev/mqueue")) return;
  const linux = {
    namespaces: namespaces({ user: true, ipc: false }),
    uidMappings: OWN_IDS,
    gidMappings: OWN_IDS,
  };
  assert.match(complaint(ran({ linux })), /mounts\[4\]\.type.*ipc namespace/);
});

testTsrun("bind in a user namespace of what has other mounts below is refused with a way out", () => {
  using volume = directoryWithMount("private");
  chmodSync(volume.path, 0o755);
  const linux = { namespaces: namespaces({ user: true }), uidMappings: OWN_IDS, gidMappings: OWN_IDS };
  const mount = { destination: "/volume", type: "bind", source: volume.path, options: ["bind"] };
  assert.match(complaint(ran({ mounts: [PROC, mount], linux })), /mounts\[1\].*rbind/);
});

leavesNothing();
test.run();
