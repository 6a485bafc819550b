// Runs beside other files.
import { chownSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS, type JsonObject, namespaces, type Patch } from "../../harness/bundle.ts";
import { inside, ran, started } from "../../harness/container.ts";
import { freshDirectory, testTsrun, uniqueId } from "../../harness/environment.ts";
import { testIdmap } from "../../harness/idmap.ts";
import { leavesNothing, watchLeaks } from "../../harness/leaks.ts";
import { command, mounted } from "../../harness/mount.ts";
import { complaint, runtime, silent } from "../../harness/runtime.ts";

/** What is 0 to 999 on the volume is 200000 to 200999 in the mount. */
const VOLUME = [{ containerID: 0, hostID: 200_000, size: 1000 }];
const OWN = { uidMappings: VOLUME, gidMappings: VOLUME };
const CONTAINER = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
const MAPPED = { namespaces: namespaces({ user: true }), uidMappings: CONTAINER, gidMappings: CONTAINER };

/** A host directory with a file of user 0, one of user 33, and a mount below with one of 33. */
function volume() {
  const path = freshDirectory("volume");
  writeFileSync(join(path, "root"), "");
  writeFileSync(join(path, "theirs"), "");
  chownSync(join(path, "theirs"), 33, 34);
  mkdirSync(join(path, "below"));
  const below = mounted(join(path, "below"), "-t", "tmpfs", "below");
  writeFileSync(join(path, "below/theirs"), "");
  chownSync(join(path, "below/theirs"), 33, 34);
  return { path, [Symbol.dispose]: () => below[Symbol.dispose]() };
}

function bound(source: string, options: readonly string[], more: JsonObject = {}): JsonObject {
  return { destination: "/www", type: "bind", source, options: [...options], ...more };
}

const OWNERS = ["sh", "-c", "cd /www; stat -c '%n %u:%g' root theirs below/theirs"];

function owners(mount: JsonObject, patch: Patch = {}): readonly string[] {
  return inside(OWNERS, { mounts: [...DEFAULT_MOUNTS, mount], ...patch })
    .trim()
    .split("\n");
}

testIdmap("a mount's own mappings say who owns its files, and idmap leaves what is below", () => {
  using source = volume();
  const seen = owners(bound(source.path, ["rbind", "idmap"], OWN));
  assert.equal(seen, ["root 200000:200000", "theirs 200033:200034", "below/theirs 33:34"]);
});

testIdmap("ridmap maps what is below too", () => {
  using source = volume();
  const seen = owners(bound(source.path, ["rbind", "ridmap"], OWN));
  assert.equal(seen, ["root 200000:200000", "theirs 200033:200034", "below/theirs 200033:200034"]);
});

testIdmap("mappings without the option are an idmap", () => {
  using source = volume();
  assert.is(owners(bound(source.path, ["rbind"], OWN))[1], "theirs 200033:200034");
});

testIdmap("in a user namespace, idmap without mappings shows the volume's ids as they are", () => {
  using source = volume();
  const seen = owners(bound(source.path, ["rbind", "ridmap"]), { linux: MAPPED });
  assert.equal(seen, ["root 0:0", "theirs 33:34", "below/theirs 33:34"]);
  const unmapped = owners(bound(source.path, ["rbind"]), { linux: MAPPED });
  assert.is(unmapped[1], "theirs 65534:65534");
});

testIdmap("idmap= has mappings of its own, as podman passes them on", () => {
  using source = volume();
  const ranges = "uids=0-200000-33#33-300000-1;gids=0-200000-1000";
  const seen = owners(bound(source.path, ["rbind", `idmap=${ranges}`]));
  assert.equal(seen, ["root 200000:200000", "theirs 300000:200034", "below/theirs 33:34"]);
  assert.is(owners(bound(source.path, ["rbind", `ridmap=${ranges}`]))[2], "below/theirs 300000:200034");
});

testIdmap("the ids after @ in idmap= are the container's, and so are those that it doesn't name", () => {
  using source = volume();
  const shown = (option: string) => owners(bound(source.path, ["rbind", option]), { linux: MAPPED })[1];
  assert.is(shown("idmap=uids=@0-5-1000;gids=@34-9-1"), "theirs 38:9");
  assert.is(shown("idmap=uids=0-100007-1000"), "theirs 40:34");
});

testIdmap("it may stand in one string with other options", () => {
  using source = volume();
  assert.is(owners(bound(source.path, ["rbind,idmap"], OWN))[1], "theirs 200033:200034");
  const ranges = "uids=0-200000-1000;gids=0-200000-1000";
  assert.is(owners(bound(source.path, [`rbind,idmap=${ranges},ro`]))[1], "theirs 200033:200034");
});

testIdmap("what is written there is the volume's user's on the host", () => {
  using source = volume();
  const mounts = [...DEFAULT_MOUNTS, bound(source.path, ["rbind", "idmap"])];
  const args = ["sh", "-c", "echo x > /www/new; chown 7:8 /www/new"];
  const kept = { process: { capabilities: { bounding: CHOWN, effective: CHOWN, permitted: CHOWN } } };
  assert.is(ran({ args, mounts, linux: MAPPED, ...kept }).status, 0);
  const { uid, gid } = statSync(join(source.path, "new"));
  assert.equal([uid, gid], [7, 8]);
});

const CHOWN = ["CAP_CHOWN", "CAP_FOWNER", "CAP_DAC_OVERRIDE"];

testIdmap("attributes and propagation apply to an id-mapped mount too", () => {
  using source = volume();
  const mounts = [...DEFAULT_MOUNTS, bound(source.path, ["rbind", "rro", "idmap"], OWN)];
  const outcome = ran({ args: ["sh", "-c", "touch /www/x; touch /www/below/x; true"], mounts });
  assert.is(outcome.stderr.match(/Read-only file system/g)?.length, 2);
});

testIdmap("a file can be id-mapped, through a symlink of the host", () => {
  using source = volume();
  symlinkSync("theirs", join(source.path, "link"));
  const mount = { ...bound(join(source.path, "link"), ["bind", "idmap"], OWN), destination: "/file" };
  const mounts = [...DEFAULT_MOUNTS, mount];
  assert.is(inside(["stat", "-c", "%u:%g", "/file"], { mounts }), "200033:200034\n");
});

testIdmap("a container in a joined user namespace has mounts with that one's ids", () => {
  using source = volume();
  using pod = started({ args: ["sleep", "60"], linux: MAPPED });
  const linux = { namespaces: namespaces({ user: `/proc/${pod.pid()}/ns/user` }) };
  const seen = owners(bound(source.path, ["rbind", "idmap"]), { linux });
  assert.is(seen[1], "theirs 33:34");
});

testIdmap("what the host has read-only stays so: the kernel locks it for a user namespace", () => {
  using source = volume();
  using _bound = mounted(source.path, "--rbind", source.path);
  command("mount", "-o", "remount,bind,ro", source.path);
  const capabilities = { bounding: ADMIN, effective: ADMIN, permitted: ADMIN };
  const script = "mount -o remount,bind,rw /www; grep -c ' /www ro' /proc/self/mountinfo";
  const mounts = [...DEFAULT_MOUNTS, bound(source.path, ["rbind", "idmap"])];
  const outcome = ran({ args: ["sh", "-c", script], mounts, linux: MAPPED, process: { capabilities } });
  assert.is(outcome.stdout, "1\n", outcome.stderr);
});

const ADMIN = ["CAP_SYS_ADMIN"];

testTsrun("what cannot be id-mapped is refused in the words of config.json, and leaves nothing", async () => {
  const left = watchLeaks();
  for (const [mount, said] of [
    [
      bound("/proc", ["rbind", "idmap"], OWN),
      /mounts\[6\]: cannot id-map \/proc \(on proc; .*\): mount_setattr: E\w+ /,
    ],
    [bound("/not/there", ["rbind", "idmap"], OWN), /mounts\[6\]\.source: .*\/not\/there does not exist/],
    [{ destination: "/www", type: "tmpfs", options: ["idmap"], ...OWN }, /mounts\[6\].*only bind mounts/],
  ] as const)
    assert.match(complaint(ran({ args: ["true"], mounts: [...DEFAULT_MOUNTS, mount] })), said);
  await left("of refused mounts");
});

testTsrun("mappings given twice are refused", () => {
  const mount = bound("/usr", ["rbind", "idmap=uids=0-0-1;gids=0-0-1"], OWN);
  const said = complaint(ran({ args: ["true"], mounts: [...DEFAULT_MOUNTS, mount] }));
  assert.match(said, /mounts\[6\]: has mappings in idmap= and in uidMappings/);
});

testIdmap("--dry-run shows the steps of id-mapped mounts, and takes none", () => {
  using source = volume();
  const made = bundle({
    args: ["true"],
    mounts: [...DEFAULT_MOUNTS, bound(source.path, ["rbind", "idmap"], OWN)],
  });
  const steps = silent(runtime(["create", "--dry-run", "--bundle", made.path, uniqueId()])).stdout;
  assert.match(steps, /# init: config.json: mounts\[6\] \(bind on \/www\)\n(\$.*\n)*\$\d+ move_mount\(/);
});

leavesNothing();
test.run();
