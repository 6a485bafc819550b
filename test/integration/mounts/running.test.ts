// Runs beside other files.
// mounts add, remove and list: mounts of a container that runs.
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { DEFAULT_MOUNTS, type JsonObject, namespaces } from "../../harness/bundle.ts";
import { type Container, created, started } from "../../harness/container.ts";
import { freshDirectory, testTsrun, uniqueId } from "../../harness/environment.ts";
import { testIdmap } from "../../harness/idmap.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { command, mounted } from "../../harness/mount.ts";
import { type Mount, mountAt, parseMounts } from "../../harness/mountinfo.ts";
import { call, own, owned } from "../../harness/ordinary-user.ts";
import { complaint, type Outcome, refusal, runtime, silent, succeeded } from "../../harness/runtime.ts";
import { bind, hostDirectory } from "../../harness/volumes.ts";
import { waitUntil } from "../../harness/wait.ts";

/** A file with mounts, in either of the forms that it may have. */
function fileOf(mounts: readonly JsonObject[], isList = true): string {
  const file = join(freshDirectory("mounts"), "mounts.json");
  writeFileSync(file, JSON.stringify(isList ? mounts : { mounts }));
  return file;
}

const change = (action: string, box: Container, ...mounts: readonly JsonObject[]): Outcome =>
  runtime(["mounts", action, box.id, fileOf(mounts)]);

interface Listed {
  readonly destination: string;
  readonly from: string;
  readonly state: string;
  readonly found?: { readonly options: readonly string[] };
}

const listed = (box: Container): readonly Listed[] =>
  JSON.parse(silent(runtime(["mounts", "list", "--json", box.id])).stdout);

const tableOf = (box: Container): readonly Mount[] =>
  parseMounts(readFileSync(`/proc/${box.pid()}/mountinfo`, "utf8"));

const SLEEPS = { args: ["sleep", "60"] };

const volume = () => hostDirectory("file");
const CONTENT = "file's content";

testTsrun("a directory of the host is added to a container that runs, and removed again", () => {
  using box = started(SLEEPS);
  const source = volume();
  const before = tableOf(box);
  silent(change("add", box, bind(source, "/data", "ro")));
  assert.is(succeeded(box.exec("cat", "/data/file")).stdout, CONTENT);
  assert.match(box.exec("touch", "/data/x").stderr, /Read-only/);
  const last = listed(box).at(-1);
  assert.equal([last?.destination, last?.from, last?.state], ["/data", "added", "mounted"]);
  silent(change("remove", box, { destination: "/data" }));
  assert.equal(box.exec("ls", "/data").stdout, "");
  assert.equal(tableOf(box), before);
  assert.not.ok(listed(box).some(({ destination }) => destination === "/data"));
});

testTsrun("every type of mount that config.json has can be added, in the form that crun takes", () => {
  using box = started(SLEEPS);
  const file = join(volume(), "file");
  const all = [
    { destination: "/new/tmp", type: "tmpfs", source: "tmpfs", options: ["size=64k", "nosuid", "ro"] },
    { destination: "/new/proc", type: "proc", source: "proc" },
    { destination: "/new/sys", type: "sysfs", source: "sysfs", options: ["ro"] },
    { destination: "/new/mq", type: "mqueue", source: "mqueue" },
    { destination: "/new/pts", type: "devpts", source: "devpts", options: ["newinstance"] },
    { destination: "/new/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] },
    { destination: "/new/file", type: "bind", source: file, options: ["bind"] },
  ];
  silent(runtime(["mounts", "add", box.id, fileOf(all, false)]));
  const script =
    "ls /new/proc | grep -c '^[0-9]'; cat /new/file; echo; ls /new/cgroup/cgroup.procs; touch /new/tmp/x";
  const seen = box.exec("sh", "-c", script);
  assert.match(seen.stdout, /^[1-9]\nfile's content\n\/new\/cgroup\/cgroup.procs\n$/);
  assert.match(seen.stderr, /Read-only/);
  assert.equal(
    listed(box)
      .slice(-all.length)
      .map(({ state }) => state),
    all.map(() => "mounted"),
  );
  silent(runtime(["mounts", "remove", box.id, fileOf(all, false)]));
  assert.not.ok(tableOf(box).some(({ mountPoint }) => mountPoint.startsWith("/new")));
});

testTsrun("a new proc shows the container's processes, and a new tmpfs may copy what it covers", () => {
  using box = started(SLEEPS);
  succeeded(box.exec("sh", "-c", "mkdir /data; echo kept >/data/file"));
  silent(
    change("add", box, { destination: "/data", type: "tmpfs", source: "tmpfs", options: ["tmpcopyup"] }),
  );
  succeeded(box.exec("sh", "-c", "grep -q kept /data/file && echo changed >/data/file"));
  assert.is(readFileSync(join(box.bundle.rootfs, "data/file"), "utf8"), "kept\n");
});

testTsrun("if one mount can't be made, those before it are taken away, and the list is as before", () => {
  using box = started(SLEEPS);
  const [before, list] = [tableOf(box), listed(box)];
  const wrong = { destination: "/b", type: "tmpfs", source: "tmpfs", options: ["size=huge"] };
  const said = complaint(change("add", box, bind(volume(), "/tmp/a"), wrong));
  assert.match(said, /mounts\.json: mounts\[1\] \(tmpfs on \/b\): fsconfig .*EINVAL/);
  assert.equal(tableOf(box), before);
  assert.equal(listed(box), list);
  const hidden = [bind(volume(), "/dev"), bind("/nowhere", "/tmp/b")];
  assert.match(complaint(change("add", box, ...hidden)), /mounts\[1\]\.source: \/nowhere does not exist/);
  assert.equal(tableOf(box), before);
});

testTsrun("verify knows of mounts that were added and removed", () => {
  using box = started(SLEEPS);
  silent(change("add", box, bind(volume(), "/data", "ro")));
  silent(change("remove", box, { destination: "/dev/mqueue" }));
  const said = succeeded(runtime(["verify", box.id])).stdout;
  assert.match(said, /0 different/);
  command("nsenter", "--mount", `--target=${box.pid()}`, "umount", "/data");
  assert.match(runtime(["verify", box.id]).stdout, /not mounted: \/data/);
  assert.equal(
    listed(box)
      .map(({ from, state }) => `${from} ${state}`)
      .slice(-2),
    ["config mounted", "added gone"],
  );
  const removed = runtime(["mounts", "remove", box.id, fileOf([{ destination: "/data" }])]);
  assert.match(succeeded(removed).stderr, /\/data was unmounted already/);
});

testTsrun("an update keeps what was added, and what was added keeps an update", () => {
  using box = started(SLEEPS);
  silent(change("add", box, bind(volume(), "/data")));
  silent(runtime(["update", "--resources", "-", box.id], { input: "{}" }));
  assert.is(listed(box).at(-1)?.from, "added");
});

testTsrun("nothing propagates to the host, and the host's later mounts come in as config.json's do", () => {
  const source = volume();
  mkdirSync(join(source, "below"));
  using _shared = mounted(source, "--bind", source);
  command("mount", "--make-shared", source);
  using box = started(SLEEPS);
  silent(change("add", box, bind(source, "/slave"), bind(source, "/private", "rprivate")));
  const at = (place: string) => mountAt(tableOf(box), place).propagation;
  assert.match(`${at("/slave")}`, /^master:\d+$/);
  assert.equal(at("/private"), []);
  const inside = ["nsenter", "--mount", `--target=${box.pid()}`] as const;
  command(...inside, "mount", "-t", "tmpfs", "none", "/slave/below");
  assert.not.ok(
    parseMounts(readFileSync("/proc/self/mountinfo", "utf8")).some(
      (one) => one.mountPoint === join(source, "below"),
    ),
  );
});

testTsrun("a destination is resolved in the container: links lead to its own files", () => {
  using box = started(SLEEPS);
  mkdirSync(join(box.bundle.rootfs, "real"));
  symlinkSync("/real", join(box.bundle.rootfs, "link"));
  symlinkSync("../../../../../../tmp", join(box.bundle.rootfs, "out"));
  symlinkSync("/proc/self/root", join(box.bundle.rootfs, "magic"));
  silent(change("add", box, bind(volume(), "/link/place"), bind(volume(), "/out/place")));
  for (const place of ["/real/place", "/tmp/place"])
    assert.is(succeeded(box.exec("cat", `${place}/file`)).stdout, CONTENT);
  assert.not.ok(existsSync("/tmp/place"));
  silent(change("remove", box, { destination: "/link/place" }));
  assert.is(succeeded(box.exec("ls", "/real/place")).stdout, "");
  assert.match(complaint(change("add", box, bind(volume(), "/magic/x"))), /\/proc|ELOOP/);
  assert.match(complaint(change("add", box, bind(volume(), "/proc/x"))), /is inside \/proc/);
});

const IDS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
const MAPPED = { namespaces: namespaces({ user: true }), uidMappings: IDS, gidMappings: IDS };

testTsrun(
  "in a user namespace: from below a directory of root's, and read-only for good if the host's mount is",
  () => {
    const secret = freshDirectory("root");
    chmodSync(secret, 0o700);
    mkdirSync(join(secret, "inner"));
    writeFileSync(join(secret, "inner/file"), "inner\n");
    const readOnly = volume();
    using _bound = mounted(readOnly, "--bind", readOnly);
    command("mount", "-o", "remount,bind,ro", readOnly);
    const box = started({ ...SLEEPS, linux: MAPPED });
    using _ = box;
    chmodSync(box.bundle.rootfs, 0o777); // the container's root makes the mount points
    const tmpfs = { destination: "/c", type: "tmpfs", source: "tmpfs" };
    silent(change("add", box, bind(join(secret, "inner"), "/a"), bind(readOnly, "/b"), tmpfs));
    assert.is(succeeded(box.exec("cat", "/a/file")).stdout, "inner\n");
    const inside = ["nsenter", "--user", "--mount", `--target=${box.pid()}`, "--"];
    const remounted = Bun.spawnSync([...inside, "mount", "-o", "remount,bind,rw", "/b"]);
    assert.not.equal(remounted.exitCode, 0);
    silent(change("remove", box, { destination: "/a" }, { destination: "/b" }, tmpfs));
  },
);

testIdmap("an id-mapped mount is added", () => {
  const source = volume();
  using box = started(SLEEPS);
  const mapping = [{ containerID: 0, hostID: 5000, size: 1000 }];
  const mapped = { ...bind(source, "/data"), uidMappings: mapping, gidMappings: mapping };
  silent(change("add", box, mapped));
  assert.is(succeeded(box.exec("stat", "-c", "%u", "/data/file")).stdout, "5000\n");
});

testTsrun("an ordinary user adds a mount to its own container", () => {
  const bundle = own(SLEEPS);
  const id = uniqueId();
  silent(call(["run", "--detach", "--bundle", bundle, id]));
  using _ = owned(id);
  const tmp = fileOf([
    { destination: "/dev/new", type: "tmpfs", source: "tmpfs" },
    bind(volume(), "/dev/host"),
  ]);
  silent(call(["mounts", "add", id, tmp]));
  assert.is(succeeded(call(["exec", id, "cat", "/dev/host/file"])).stdout, CONTENT);
  silent(call(["mounts", "remove", id, tmp]));
});

testTsrun("a container that is created, or paused, takes them, too", async () => {
  using box = created({ args: ["sh", "-c", "cat /data/file; sleep 60"] });
  silent(change("add", box, bind(volume(), "/data")));
  assert.is(listed(box).at(-1)?.state, "mounted");
  box.start();
  silent(box.call("pause"));
  silent(change("add", box, bind(volume(), "/more")));
  silent(box.call("resume"));
  assert.is(succeeded(box.exec("cat", "/more/file")).stdout, CONTENT);
  await waitUntil(() => box.printed() === CONTENT, "the program has read its file");
});

const REFUSED: readonly (readonly [name: string, args: readonly string[], said: RegExp])[] = [
  ["another action", ["change", "web"], /the action is add, remove or list, not "change"/],
  ["no file", ["add", "web"], /add needs a FILE/],
  ["a file for list", ["list", "web", "x"], /list takes no file/],
  ["a file that isn't there", ["add", "web", "/nowhere"], /\/nowhere: cannot be read: ENOENT/],
];
for (const [name, args, said] of REFUSED)
  testTsrun(`${name} is refused`, () => assert.match(refusal(runtime(["mounts", ...args])), said));

const UNFIT: readonly (readonly [mount: JsonObject, said: RegExp])[] = [
  [{ type: "tmpfs" }, /mounts\[0\]\.destination: is required/],
  [{ destination: "/x", type: "bind" }, /mounts\[0\]\.source: is required/],
  [{ destination: "/tmp", options: ["remount", "ro"] }, /mounts\[0\]\.options: remount makes no mount/],
  [{ destination: "/", type: "tmpfs" }, /is the rootfs itself/],
];
for (const [mount, said] of UNFIT)
  testTsrun(`${JSON.stringify(mount)} is refused`, () => {
    using box = started(SLEEPS);
    assert.match(complaint(change("add", box, mount)), said);
  });

testTsrun("a destination that the container has no mount on is refused before any is unmounted", () => {
  using box = started(SLEEPS);
  const before = tableOf(box);
  const said = complaint(change("remove", box, { destination: "/nowhere" }, { destination: "/dev/mqueue" }));
  assert.match(said, /mounts\[0\]\.destination: the container has no mount on \/nowhere/);
  assert.equal(tableOf(box), before);
});

testTsrun("a container in the host's mounts is refused: they would be the host's", () => {
  const linux = { namespaces: namespaces({ mount: false }), maskedPaths: [], readonlyPaths: [] };
  using box = started({ ...SLEEPS, linux, mounts: [] });
  assert.match(complaint(change("add", box, bind(volume(), "/data"))), /no mount namespace of its own/);
});

testTsrun("--debug shows each step", () => {
  using box = started(SLEEPS);
  const file = fileOf([bind(volume(), "/data")]);
  const { stderr } = succeeded(runtime(["mounts", "add", box.id, file], { global: ["--debug"] }));
  assert.match(stderr, /# init: config\.json: mounts\[0\] \(bind on \/data\)/);
  assert.match(stderr, /open_tree\(AT_FDCWD, .*OPEN_TREE_CLONE/);
  assert.match(stderr, /move_mount/);
});

testTsrun("list is a table, too", () => {
  using box = started({ ...SLEEPS, mounts: DEFAULT_MOUNTS });
  const lines = silent(runtime(["mounts", "list", box.id])).stdout.split("\n");
  assert.match(lines[0] ?? "", /^DESTINATION +TYPE +SOURCE +OPTIONS +FROM +STATE$/);
  assert.match(lines[1] ?? "", /^\/proc +proc +proc +config +mounted$/);
});

leavesNothing();
test.run();
