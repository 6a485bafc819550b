// Runs beside other files.
// exec --tools: a shell in an image that has none.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { capabilities, type JsonObject, namespaces } from "../../harness/bundle.ts";
import { type Container, started } from "../../harness/container.ts";
import { freshDirectory, project, testTsrun, uniqueId } from "../../harness/environment.ts";
import { loadedByMaking } from "../../harness/imported.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { mountAt, parseMounts } from "../../harness/mountinfo.ts";
import { call, own, owned } from "../../harness/ordinary-user.ts";
import { type Call, complaint, type Outcome, runtime, silent, succeeded } from "../../harness/runtime.ts";
import { waitUntil } from "../../harness/wait.ts";

/** A directory of the host's with a static shell, and its programs as links. */
const tools = freshDirectory("tools");
copyFileSync(join(project, "build/rootfs/busybox/bin/busybox"), join(tools, "busybox"));
for (const name of ["sh", "cat", "ls", "touch", "mkdir", "stat", "id", "sleep", "readlink", "grep", "chmod"])
  symlinkSync("busybox", join(tools, name));

/** A container of an image with nothing but /pause, whose root is read-only. */
const bare = (patch: JsonObject = {}): Container =>
  started({ args: ["/pause"], root: { path: "rootfs", readonly: true }, ...patch }, "pause");

const withTools = (id: string, script: string, flags: readonly string[] = [], more: Call = {}): Outcome =>
  runtime(["exec", "--tools", tools, ...flags, id, "sh", "-c", script], more);

const mountsOf = (box: Container) => readFileSync(`/proc/${box.pid()}/mountinfo`, "utf8");

testTsrun(
  "an image without a shell and with a read-only root gets one, and neither it nor the container changes",
  () => {
    using box = bare();
    const [image, before] = [readdirSync(box.bundle.rootfs), mountsOf(box)];
    const seen = succeeded(withTools(box.id, "echo $PATH; readlink /proc/$$/exe; ls -a /")).stdout.split(
      "\n",
    );
    assert.is(seen[0]?.split(":")[0], "/.tools");
    assert.is(seen[1], "/.tools/busybox");
    for (const name of [...image, ".tools"]) assert.ok(seen.includes(name), name);
    assert.equal(readdirSync(box.bundle.rootfs), image);
    assert.is(mountsOf(box), before);
  },
);

testTsrun("while the process runs, the container's other processes see nothing of the tools", async () => {
  using box = bare();
  const before = mountsOf(box);
  const pidFile = join(freshDirectory("pid"), "pid");
  const flags = ["--detach", "--pid-file", pidFile];
  silent(withTools(box.id, "exec sleep 60", flags));
  const pid = Number(readFileSync(pidFile, "utf8"));
  await waitUntil(() => readFileSync(`/proc/${pid}/cmdline`, "utf8").startsWith("sleep"), "it sleeps");
  assert.is(mountsOf(box), before);
  assert.not.ok(existsSync(`/proc/${box.pid()}/root/.tools`));
  const at = mountAt(parseMounts(readFileSync(`/proc/${pid}/mountinfo`, "utf8")), "/.tools");
  for (const option of ["ro", "nosuid", "nodev"]) assert.ok(at.options.includes(option), option);
  box.kill("KILL");
});

testTsrun(
  "what the process writes is written to the container, except in the directory that was covered",
  () => {
    using box = started({ args: ["/pause"] }, "pause");
    const { stdout, stderr } = withTools(
      box.id,
      "touch /etc/new; touch /.tools/x; touch /x; chmod 600 /etc; echo on",
    );
    assert.is(stdout, "on\n");
    assert.ok(existsSync(join(box.bundle.rootfs, "etc/new")));
    assert.match(stderr, /\/\.tools\/x: Read-only/);
    assert.match(stderr, /\/x: Read-only/);
    assert.not.ok(existsSync(join(box.bundle.rootfs, "x")));
  },
);

testTsrun("a place that the image has is used as it is: no directory is covered", () => {
  using box = started({ args: ["/pause"] }, "pause");
  mkdirSync(join(box.bundle.rootfs, ".tools"));
  const mounts = parseMounts(succeeded(withTools(box.id, "cat /proc/self/mountinfo")).stdout);
  assert.equal(
    mounts.filter(({ source }) => source === "tools"),
    [],
  );
  assert.equal(readdirSync(join(box.bundle.rootfs, ".tools")), []);
  succeeded(withTools(box.id, "touch /x"));
  assert.ok(existsSync(join(box.bundle.rootfs, "x")));
});

testTsrun("--at is another place, made in the nearest directory that there is", () => {
  using box = bare();
  const script = "echo $PATH; ls /etc/a; ls /dev /etc; echo >/dev/null";
  const { stdout } = succeeded(withTools(box.id, script, ["--at", "/etc/a/b"]));
  assert.match(stdout, /^\/etc\/a\/b:/);
  assert.match(stdout, /\nb\n/);
  assert.match(stdout, /\nnull\n/);
  assert.equal(readdirSync(join(box.bundle.rootfs, "etc")).includes("a"), false);
  const dev = succeeded(withTools(box.id, "echo x >/dev/null; ls /dev", ["--at", "/dev/tools"])).stdout;
  assert.match(dev, /^tools$/m);
  assert.match(dev, /^pts$/m);
});

testTsrun("links and files of a covered directory stay what they are", () => {
  using box = started({ args: ["/pause"] }, "pause");
  writeFileSync(join(box.bundle.rootfs, "file"), "before\n");
  symlinkSync("etc", join(box.bundle.rootfs, "link"));
  symlinkSync("nowhere", join(box.bundle.rootfs, "dangling"));
  const script =
    "readlink /link; readlink /dangling; cat /file; echo after >/file; test -d /link/. && echo leads";
  assert.is(succeeded(withTools(box.id, script)).stdout, "etc\nnowhere\nbefore\nleads\n");
  assert.is(readFileSync(join(box.bundle.rootfs, "file"), "utf8"), "after\n");
});

testTsrun("masked and read-only paths are so for the process, too", () => {
  using box = bare({ linux: { maskedPaths: ["/proc/uptime", "/sys/kernel"] } });
  const script = "ls /sys/kernel; stat -c %F /proc/uptime; touch /proc/sys/kernel/hostname";
  const { stdout, stderr } = withTools(box.id, script);
  assert.is(stdout, "character special file\n");
  assert.match(stderr, /\/proc\/sys\/kernel\/hostname: Read-only/);
});

const IDS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
const MAPPED = { namespaces: namespaces({ user: true }), uidMappings: IDS, gidMappings: IDS };

testTsrun("in a user namespace the tools come from a directory that only the host's root may enter", () => {
  const secret = freshDirectory("root");
  chmodSync(secret, 0o700);
  const inner = join(secret, "tools");
  mkdirSync(inner);
  for (const name of ["busybox", "sh", "id"]) copyFileSync(join(tools, "busybox"), join(inner, name));
  using box = bare({ linux: MAPPED });
  const script = "/.tools/id -u; while read line; do echo $line; done </proc/self/uid_map";
  const { stdout } = succeeded(runtime(["exec", "--tools", inner, box.id, "sh", "-c", script]));
  assert.is(stdout, "0\n0 100000 65536\n");
});

testTsrun("an ordinary user's container gets them, too", () => {
  const bundle = own({ args: ["sleep", "60"] });
  const id = uniqueId();
  silent(call(["run", "--detach", "--bundle", bundle, id]));
  using _ = owned(id);
  const { stdout } = succeeded(call(["exec", "--tools", tools, id, "/.tools/busybox", "id", "-u"]));
  assert.is(stdout, "0\n");
});

testTsrun("a container in the host's mounts gets them, and the host doesn't", () => {
  const config = {
    linux: { namespaces: namespaces({ mount: false }), maskedPaths: [], readonlyPaths: [] },
    mounts: [],
    root: { path: "rootfs" },
  };
  using box = started({ args: ["/pause"], ...config }, "pause");
  const before = readFileSync("/proc/self/mountinfo", "utf8");
  assert.match(succeeded(withTools(box.id, "ls -a /; ls /.tools")).stdout, /^pause$[\s\S]*^busybox$/m);
  assert.is(readFileSync("/proc/self/mountinfo", "utf8"), before);
  assert.not.ok(existsSync(join(box.bundle.rootfs, ".tools")));
});

testTsrun("programs of a directory that is laid out as a root are found", () => {
  const laidOut = freshDirectory("root");
  mkdirSync(join(laidOut, "usr/bin"), { recursive: true });
  copyFileSync(join(tools, "busybox"), join(laidOut, "usr/bin/sh"));
  using box = bare();
  const { stdout } = succeeded(runtime(["exec", "--tools", laidOut, box.id, "sh", "-c", "echo $PATH"]));
  assert.match(stdout, /^\/\.tools:\/\.tools\/usr\/bin:/);
});

testTsrun("the process has the user, capabilities and limits that exec gives without tools", () => {
  const ids = capabilities(["CAP_KILL", "CAP_CHOWN"]);
  const process = {
    capabilities: ids,
    user: { uid: 12, gid: 34 },
    rlimits: [{ type: "RLIMIT_CORE", soft: 5, hard: 7 }],
  };
  using box = started({ args: ["sleep", "60"], process });
  const script =
    "grep -E '^(Uid|Gid|Groups|Cap|NoNew|Seccomp)' /proc/self/status; grep core /proc/self/limits; cat /proc/self/cgroup";
  assert.is(withTools(box.id, script).stdout, succeeded(box.exec("sh", "-c", script)).stdout);
});

const REFUSED: readonly (readonly [flags: readonly string[], said: RegExp])[] = [
  [["--tools", "/nowhere"], /exec: --tools \/nowhere: is not a directory/],
  [["--tools", join(tools, "busybox")], /busybox: is not a directory/],
  [["--tools", tools, "--at", "tools"], /exec: --at tools: .*absolute path/],
  [["--tools", tools, "--at", "/"], /exec: --at \/: must be an absolute path/],
  [["--tools", tools, "--at", "/proc/x"], /exec: --at \/proc\/x: nothing can be mounted in \/proc/],
  [["--at", "/mnt"], /exec: --at needs --tools DIR/],
  [["--no-seccomp"], /exec: --no-seccomp is for --pid/],
  [["--tools", tools, "--at", "/pause/x"], /exec: --at \/pause\/x: .*ENOTDIR.*another place/],
];
for (const [flags, said] of REFUSED)
  testTsrun(`exec ${flags.slice(-2).join(" ")} is refused`, () => {
    using box = bare();
    assert.match(complaint(runtime(["exec", ...flags, box.id, "sh"])), said);
  });

testTsrun("a program of the tools whose loader the image lacks is refused with that reason", () => {
  const dynamic = freshDirectory("dynamic");
  writeFileSync(join(dynamic, "script"), "#!/nowhere/interpreter\n", { mode: 0o755 });
  using box = bare();
  assert.match(
    complaint(runtime(["exec", "--tools", dynamic, box.id, "script"])),
    "; /nowhere/interpreter is missing, the interpreter that is named in the first line of /.tools/script",
  );
});

testTsrun(
  "no command loads the code for tools, other runtimes' containers or added mounts before it is asked for",
  () => {
    const own = /^src\/container\/(tools|mounts)\/|\/host-copy\.ts$/;
    assert.equal(
      loadedByMaking().filter((file) => own.test(file)),
      [],
    );
  },
);

leavesNothing();
test.run();
