// Runs beside other files.
// User namespaces that map no root: `podman run --user 1000 --uidmap 1000:0:1`, and ordinary users who stay themselves.
import { chownSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DEFAULT_MOUNTS, type JsonObject, namespaces } from "../../harness/bundle.ts";
import { inside, ran, started } from "../../harness/container.ts";
import { freshDirectory, testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { call, GID, own, UID } from "../../harness/ordinary-user.ts";
import { complaint, runtime, succeeded } from "../../harness/runtime.ts";

const SLEEP = ["sleep", "60"];
const WHO = ["sh", "-c", "id -u; id -g; cat /proc/self/uid_map"];
const HE_IS = /^1000\n1001\n +1000 +100000 +1\n$/;

/** The terminals' group is not mapped, either. */
const MOUNTS = DEFAULT_MOUNTS.map((mount) =>
  mount["type"] === "devpts" ? { ...mount, options: ["nosuid", "noexec", "newinstance"] } : mount,
);

const ALONE = {
  namespaces: namespaces({ user: true }),
  uidMappings: [{ containerID: 1000, hostID: 100_000, size: 1 }],
  gidMappings: [{ containerID: 1001, hostID: 100_001, size: 1 }],
};

/** What only one id is mapped for. */
function alone(
  args: readonly string[],
  more: JsonObject = {},
): JsonObject & { readonly args: readonly string[] } {
  return { args, mounts: MOUNTS, linux: ALONE, process: { user: { uid: 1000, gid: 1001 } }, ...more };
}

testTsrun("a container may have a user namespace without root", () => {
  const { args, ...patch } = alone(WHO);
  assert.match(inside(args, patch), HE_IS);
});

testTsrun("exec enters it, and so does a container that joins it", () => {
  using box = started(alone(SLEEP));
  assert.match(succeeded(box.exec(...WHO)).stdout, HE_IS);
  const linux = { namespaces: namespaces({ user: `/proc/${box.pid()}/ns/user` }) };
  const { args, ...patch } = alone(WHO, { linux });
  assert.match(inside(args, patch), HE_IS);
});

testTsrun("exec as root is refused there", () => {
  using box = started(alone(SLEEP));
  assert.match(
    complaint(runtime(["exec", "--user", "0:1001", box.id, "id"])),
    /linux\.uidMappings .*process\.user\): setresuid: EINVAL/,
  );
});

testTsrun("its user owns what is made for the container, and its hooks are run by that user", () => {
  const volume = freshDirectory("volume");
  mkdirSync(join(volume, "here"));
  chownSync(join(volume, "here"), 100_000, 100_001);
  const mounts = [
    ...MOUNTS,
    { destination: "/tmp", type: "bind", source: join(volume, "here"), options: ["bind"] },
    { destination: "/tmp/made", type: "tmpfs", source: "tmpfs" },
  ];
  const touch = { path: "/bin/touch", args: ["touch", join(volume, "here/hook")] };
  const { args, ...patch } = alone(["stat", "-c", "%u:%g", "/tmp/hook"], {
    mounts,
    hooks: { createContainer: [touch] },
  });
  assert.is(inside(args, patch), "1000:1001\n");
  const { uid, gid } = statSync(join(volume, "here/made"));
  assert.equal([uid, gid], [100_000, 100_001]);
});

test("without a mapping for its user a container is refused", () => {
  const { args, ...patch } = alone(WHO, { process: { user: { uid: 0, gid: 1001 } } });
  assert.match(
    complaint(ran({ args, ...patch })),
    /process\.user\.uid: is not mapped by linux\.uidMappings: 0/,
  );
});

testTsrun("an ordinary user may stay that user in a container", () => {
  const linux = {
    uidMappings: [{ containerID: UID, hostID: UID, size: 1 }],
    gidMappings: [{ containerID: GID, hostID: GID, size: 1 }],
  };
  const path = own({ args: ["sh", "-c", "id -u; id -g"], process: { user: { uid: UID, gid: GID } }, linux });
  assert.is(succeeded(call(["run", "--bundle", path, "unmapped-root"])).stdout, `${UID}\n${GID}\n`);
});

leavesNothing();
test.run();
