// Runs beside other files.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, type JsonObject, namespaces } from "../../harness/bundle.ts";
import { ranIn, started } from "../../harness/container.ts";
import { freshDirectory, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { mounted } from "../../harness/mount.ts";
import { namespaceOf } from "../../harness/processes.ts";
import { complaint, runtime, silent, succeeded } from "../../harness/runtime.ts";

interface Spec {
  readonly ociVersion: string;
  readonly process: JsonObject & { readonly args: string[] };
  readonly root: JsonObject;
  readonly hostname?: string;
  readonly mounts: readonly JsonObject[];
  readonly linux: { readonly namespaces: readonly { type: string; path?: string }[] };
}

/** What `spec FLAGS` writes into a fresh directory. */
function spec(...flags: string[]): Spec {
  const directory = freshDirectory("spec");
  silent(runtime(["spec", ...flags], { cwd: directory }));
  return JSON.parse(readFileSync(join(directory, "config.json"), "utf8")) as Spec;
}

/** A bundle that has the config as it is, changed only where `change` says. */
function bundleOf(config: Spec, process: JsonObject): string {
  const { path } = bundle();
  writeFileSync(
    join(path, "config.json"),
    JSON.stringify({ ...config, process: { ...config.process, ...process } }),
  );
  return path;
}

test("spec writes a config.json for a shell in a read-only root", () => {
  const config = spec();
  assert.match(config.ociVersion, /^1\.\d/);
  assert.equal(config.process.args, ["sh"]);
  assert.equal(config.root, { path: "rootfs", readonly: true });
  assert.equal(
    config.linux.namespaces
      .map(({ type }) => type)
      .filter((type) => type !== "cgroup")
      .sort(),
    ["ipc", "mount", "network", "pid", "uts"],
  );
});

test("what spec writes runs, once its terminal is taken away", () => {
  const path = bundleOf(spec(), { terminal: false, args: ["echo", "it runs"] });
  assert.is(succeeded(ranIn(path)).stdout, "it runs\n");
});

test("spec --bundle writes it there", () => {
  const directory = freshDirectory("spec");
  silent(runtime(["spec", "--bundle", directory]));
  assert.ok(existsSync(join(directory, "config.json")));
});

test("spec doesn't overwrite a config.json", () => {
  const directory = freshDirectory("spec");
  writeFileSync(join(directory, "config.json"), "mine");
  assert.match(complaint(runtime(["spec"], { cwd: directory })), /exist/);
  assert.is(readFileSync(join(directory, "config.json"), "utf8"), "mine");
});

testTsrun("spec --sandbox joins the net, ipc and uts namespaces of a container", () => {
  using sandbox = started({ args: ["sleep", "60"] });
  const config = spec("--sandbox", sandbox.id);
  const script = "for kind in net ipc uts pid mnt; do readlink /proc/self/ns/$kind; done";
  const seen = succeeded(ranIn(bundleOf(config, { terminal: false, args: ["sh", "-c", script] })));
  const [net, ipc, uts, , mnt] = seen.stdout.trim().split("\n");
  assert.is(net, namespaceOf(sandbox.pid(), "net"));
  assert.is(ipc, namespaceOf(sandbox.pid(), "ipc"));
  assert.is(uts, namespaceOf(sandbox.pid(), "uts"));
  assert.is.not(mnt, namespaceOf(sandbox.pid(), "mnt"));
});

testTsrun("spec --sandbox joins the sandbox's user namespace, too, when it has one", () => {
  const range = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const linux = { namespaces: namespaces({ user: true }), uidMappings: range, gidMappings: range };
  using sandbox = started({ args: ["sleep", "60"], linux });
  const config = spec("--sandbox", sandbox.id);
  const script = "readlink /proc/self/ns/user; cat /proc/self/uid_map";
  const seen = succeeded(ranIn(bundleOf(config, { terminal: false, args: ["sh", "-c", script] }))).stdout;
  assert.is(seen.split("\n")[0], namespaceOf(sandbox.pid(), "user"));
  assert.match(seen, /^ +0 +100000 +65536$/m);
});

testTsrun("spec --sandbox of a container that isn't there is refused, and writes nothing", () => {
  const directory = freshDirectory("spec");
  assert.match(complaint(runtime(["spec", "--sandbox", uniqueId()], { cwd: directory })), /does not exist/);
  assert.not(existsSync(join(directory, "config.json")));
});

testTsrun("spec --sandbox of a stopped container is refused", async () => {
  using stopped = started();
  await stopped.until("stopped");
  const said = complaint(runtime(["spec", "--sandbox", stopped.id], { cwd: freshDirectory("spec") }));
  assert.match(said, /stopped|not running/);
});

testTsrun("spec's flags and COMMAND make a config.json that runs without being edited", () => {
  const { rootfs } = bundle();
  const path = freshDirectory("spec");
  const data = freshDirectory("data");
  writeFileSync(join(data, "file"), "data\n");
  const script =
    'pwd; echo "$A $B $PATH" >/tmp/x; cat /tmp/x /data/file; echo >/data/file || echo refused; id -u "$0"';
  const flags = ["--rootfs", rootfs, "--env", "A=1=2", "-e", "B=b", "--env", "PATH=/bin", "--cwd", "/etc"];
  const mounts = [`type=bind,source=${data},target=/data,readonly`, "type=tmpfs,target=/tmp,tmpfs-size=1m"];
  const all = [...flags, ...mounts.flatMap((mount) => ["--mount", mount]), "--no-terminal", "--bundle", path];
  silent(runtime(["spec", ...all, "--", "sh", "-c", script, "root"]));
  const seen = ranIn(path);
  assert.is(seen.stdout, "/etc\n1=2 b /bin\ndata\nrefused\n0\n");
  assert.is(seen.status, 0);
});

testTsrun("COMMAND may stand without --, and the rest of it is its own", () => {
  assert.equal(spec("--no-terminal", "ps", "-ef", "--bundle").process.args, ["ps", "-ef", "--bundle"]);
});

testTsrun("a rootfs in the bundle is named relative to it, another one by its whole path", () => {
  const { path, rootfs } = bundle();
  const root = (directory: string, cwd: string) => {
    const other = freshDirectory("spec");
    silent(runtime(["spec", "--rootfs", directory, "--bundle", other], { cwd }));
    return (JSON.parse(readFileSync(join(other, "config.json"), "utf8")) as Spec).root["path"];
  };
  assert.is(root("rootfs", path), rootfs);
  const own = freshDirectory("spec");
  mkdirSync(join(own, "tree/root"), { recursive: true });
  silent(runtime(["spec", "--rootfs", "tree/root"], { cwd: own }));
  assert.is((JSON.parse(readFileSync(join(own, "config.json"), "utf8")) as Spec).root["path"], "tree/root");
});

testTsrun("spec --sandbox takes the same flags", () => {
  using sandbox = started({ args: ["sleep", "60"] });
  const { rootfs } = bundle();
  const path = freshDirectory("spec");
  silent(
    runtime([
      "spec",
      "--sandbox",
      sandbox.id,
      "--rootfs",
      rootfs,
      "--bundle",
      path,
      "readlink",
      "/proc/self/ns/net",
    ]),
  );
  assert.is(succeeded(ranIn(path)).stdout.trim(), namespaceOf(sandbox.pid(), "net"));
});

for (const [flags, said] of [
  [["--rootfs", "/nowhere"], "spec: --rootfs /nowhere: /nowhere does not exist"],
  [["--rootfs", "/etc/passwd"], "spec: --rootfs /etc/passwd: /etc/passwd is not a directory"],
  [["--cwd", "srv"], 'spec: --cwd must be an absolute path, not "srv"'],
  [["--env", "A"], 'spec: --env must have the form NAME=value, not "A"'],
  [
    ["--mount", "type=bind"],
    "spec: --mount type=bind: target is missing: where is it to be in the container?",
  ],
] as const)
  testTsrun(`spec ${flags.join(" ")} is refused, and nothing is written`, () => {
    const directory = freshDirectory("spec");
    assert.is(complaint(runtime(["spec", ...flags], { cwd: directory })), `tsrun: error: ${said}`);
    assert.not(existsSync(join(directory, "config.json")));
  });

testTsrun("spec tells which directory is missing, and how to make it", () => {
  const directory = join(freshDirectory("spec"), "web");
  assert.match(
    complaint(runtime(["spec", "--bundle", directory])),
    `ENOENT (no such file or directory); \`mkdir ${directory}\``,
  );
});

testTsrun("a config.json that there is no room for is named, and nothing is left of it", () => {
  const directory = freshDirectory("full");
  using _ = mounted(directory, "-t", "tmpfs", "-o", "size=16k", "bundle");
  writeFileSync(join(directory, "others"), Buffer.alloc(16_384));
  const said = complaint(runtime(["spec", "--bundle", directory]));
  assert.match(said, `cannot write ${directory}/config.json: ENOSPC`);
  assert.equal(readdirSync(directory), ["others"]);
});

leavesNothing();
test.run();
