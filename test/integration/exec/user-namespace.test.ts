// Runs beside other files.
// Who exec is in a container with a user namespace before it is the process's user: its root, and not the host's.
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DEFAULT_MOUNTS, type JsonObject, namespaces } from "../../harness/bundle.ts";
import { cgroup2Of } from "../../harness/cgroups.ts";
import { type Container, inside, started } from "../../harness/container.ts";
import { freshDirectory } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint, runtime, succeeded } from "../../harness/runtime.ts";
import { waitUntil } from "../../harness/wait.ts";

const IDS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
const MAPPED = { namespaces: namespaces({ user: true }), uidMappings: IDS, gidMappings: IDS };

/** A directory of the host with one that its root alone may enter, and in there one that all might read. */
function volume(): string {
  const path = freshDirectory("volume");
  mkdirSync(join(path, "private/inner"), { recursive: true });
  chmodSync(path, 0o755);
  chmodSync(join(path, "private"), 0o700);
  writeFileSync(join(path, "private/inner/secret"), "secret\n");
  return path;
}

for (const user of ["0", "1000:1000"])
  test(`exec as ${user} is not led by a link into a directory of the host's root`, () => {
    const mount = { destination: "/www", type: "bind", source: volume(), options: ["rbind"] };
    using box = started({ args: ["sleep", "60"], mounts: [...DEFAULT_MOUNTS, mount], linux: MAPPED });
    succeeded(box.exec("ln", "-s", "/www/private/inner", "/tmp/work"));
    assert.match(box.exec("cat", "/www/private/inner/secret").stderr, /Permission denied/);
    const flags = ["--user", user, "--cwd", "/tmp/work"];
    const said = complaint(runtime(["exec", ...flags, box.id, "cat", "secret"]));
    assert.match(said, /process\.cwd.*EACCES/);
  });

/** What `exec` finds as its user namespace, and how that maps ids. */
const SEEN = ["sh", "-c", "readlink /proc/self/ns/user; cat /proc/self/uid_map; id -u"];

/** A container whose process has made a user namespace of its own. */
async function withUnshared(patch: JsonObject = {}): Promise<Container> {
  const box = started({ args: ["unshare", "-U", "sleep", "60"], ...patch });
  await waitUntil(() => readFileSync(`/proc/${box.pid()}/cmdline`, "utf8").startsWith("sleep"), "it sleeps");
  return box;
}

test("exec stays in tsrun's user namespace when the container's process has made one for itself", async () => {
  using box = await withUnshared();
  const seen = succeeded(box.exec(...SEEN)).stdout;
  const [map = "", own = ""] = [
    readFileSync("/proc/self/uid_map", "utf8"),
    readlinkSync("/proc/self/ns/user"),
  ];
  assert.is(seen, `${own}\n${map}0\n`);
});

test("exec goes to the container's user namespace when the process has made one below it", async () => {
  using box = await withUnshared({ linux: MAPPED });
  const seen = succeeded(box.exec(...SEEN)).stdout;
  assert.match(seen, /^user:\[\d+\]\n +0 +100000 +65536\n0\n$/);
  assert.not(seen.includes(readlinkSync(`/proc/${box.pid()}/ns/user`)));
});

const CGROUP_MOUNT = { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup" };
const DELEGATED = {
  mounts: [
    ...DEFAULT_MOUNTS.filter(({ destination }) => destination !== "/sys"),
    { destination: "/sys", type: "sysfs", source: "sysfs" },
    CGROUP_MOUNT,
  ],
  linux: { ...MAPPED, namespaces: namespaces({ user: true, cgroup: true }) },
};

test("exec gets into the cgroup that a container's root was given", () => {
  using box = started({ args: ["sleep", "60"], ...DELEGATED });
  assert.is(statSync(join(cgroup2Of(box.pid()), "cgroup.procs")).uid, 100_000);
  assert.match(succeeded(box.exec("cat", "/proc/self/cgroup")).stdout, /^0::\/$/m);
});

test("of that cgroup it has what the kernel delegates, no limit, and nothing where it may only read", () => {
  const delegated = new Set(["", ...readFileSync("/sys/kernel/cgroup/delegate", "utf8").split("\n")]);
  for (const options of [["rw"], ["ro"]]) {
    const mounts = [...DELEGATED.mounts.slice(0, -1), { ...CGROUP_MOUNT, options }];
    using box = started({ args: ["sleep", "60"], ...DELEGATED, mounts });
    const directory = cgroup2Of(box.pid());
    for (const name of ["", ...readdirSync(directory)]) {
      const owner = options.includes("rw") && delegated.has(name) ? 100_000 : 0;
      assert.is(statSync(join(directory, name)).uid, owner, `${options}: ${name}`);
    }
  }
});

for (const kind of ["createContainer", "startContainer"]) {
  test(`${kind} hooks get into the cgroup that a container's root was given`, () => {
    const hooks = { [kind]: [{ path: "/bin/sh", args: ["sh", "-c", "exit 0"] }] };
    assert.is(inside(["echo", "hooked"], { ...DELEGATED, hooks }), "hooked\n");
  });
}

leavesNothing();
test.run();
