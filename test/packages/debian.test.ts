// The Debian package that `make dist` makes, in a Debian made for it: installed, a pod run, removed. On a virtual machine of
// the tests that Debian is the machine's own.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mirror, releaseName } from "../debian/apt.ts";
import { project, uniqueId, workDirectory } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { command, mounted } from "../harness/mount.ts";
import { waitUntil } from "../harness/wait.ts";

const { version } = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));
const architecture = process.arch === "arm64" ? "arm64" : "amd64";
/** A Debian with man-db and no tsrun, below it nothing else is mounted. */
const { TSRUN_TEST_DEBIAN } = process.env;
const tree = join(workDirectory, "debian");
const POD = join(tree, "pod");

/** What apt and dpkg note of all packages. */
const THEIRS = /^(var\/(lib|log|cache)|tmp|run|root|proc|sys|etc\/ld\.so\.cache|pod|tsrun\.deb)(\/|$)/;

if (TSRUN_TEST_DEBIAN !== undefined) mkdirSync(tree);
else command("debootstrap", "--variant=minbase", "--include=systemd,man-db", releaseName(), tree, mirror());
command("mount", "--bind", TSRUN_TEST_DEBIAN ?? tree, tree); // a container's root takes a caller's root that is a mount point
command("mount", "-t", "proc", "proc", join(tree, "proc"));
const before = files();

function files(): string[] {
  const found = command("find", tree, "-xdev", "-mindepth", "1", "-printf", "%P\\n")
    .split("\n")
    .filter(Boolean);
  return found.filter((path) => !THEIRS.test(path)).sort();
}

function inside(...words: readonly string[]): string {
  return command(
    "chroot",
    tree,
    "env",
    "-i",
    "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
    "TSRUN_SERVE=off",
    ...words,
  );
}

const apt = (...words: readonly string[]) =>
  inside("DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", ...words);

test("apt-get installs it, with what it brings and nothing turned on", () => {
  cpSync(join(project, `build/dist/tsrun_${version}_${architecture}.deb`), join(tree, "tsrun.deb"));
  apt("install", "./tsrun.deb");
  assert.match(inside("tsrun", "--version"), `tsrun version ${version}\n`);
  assert.is(inside("dpkg", "--verify", "tsrun"), "");
  const brought = inside("dpkg", "--listfiles", "tsrun").split("\n");
  for (const file of [
    "/usr/bin/tsrun",
    "/usr/share/man/man8/tsrun.8.gz",
    "/usr/share/bash-completion/completions/tsrun",
    "/usr/lib/systemd/system/tsrun.socket",
    "/usr/share/doc/tsrun/copyright",
  ])
    assert.ok(brought.includes(file), file);
  assert.match(inside("man", "--where", "tsrun"), "/tsrun.8.gz");
  const service = readFileSync(join(tree, "usr/lib/systemd/system/tsrun.service"), "utf8");
  assert.match(service, "ExecStart=/usr/bin/tsrun ");
  const added = files().filter((path) => !before.includes(path) && !brought.includes(`/${path}`));
  assert.equal(added, [], "nothing is there that the package does not own, such as a unit that is enabled");
});

test("a pod runs with it", async () => {
  using _sys = mounted(join(tree, "sys"), "--rbind", "/sys");
  using _run = mounted(join(tree, "run"), "-t", "tmpfs", "run");
  for (const rootfs of ["pause", "busybox"])
    cpSync(join(project, "build/rootfs", rootfs), join(POD, rootfs), {
      recursive: true,
      verbatimSymlinks: true,
    });
  for (const bundle of ["sandbox", "web"]) mkdirSync(join(POD, bundle));
  cpSync(join(project, "build/bundles/sandbox/config.json"), join(POD, "sandbox/config.json"));
  symlinkSync("../pause", join(POD, "sandbox/rootfs"));
  const [sandbox, workload] = [uniqueId(), uniqueId()];
  inside("tsrun", "run", "--detach", "--output", "/pod/log", "--bundle", "/pod/sandbox", sandbox);
  const spec = ["spec", "--sandbox", sandbox, "--bundle", "/pod/web", "--rootfs", "/pod/busybox"];
  inside("tsrun", ...spec, "--no-terminal", "--", "sh", "-c", "echo runs in $(hostname)");
  inside("tsrun", "run", "--detach", "--output", "/pod/web.log", "--bundle", "/pod/web", workload);
  const printed = () => readFileSync(join(POD, "web.log"), "utf8");
  await waitUntil(() => printed() !== "", "the workload has printed");
  assert.match(printed(), /^runs in \S+\n$/);
  for (const id of [workload, sandbox]) inside("tsrun", "delete", "--force", id);
  assert.is(inside("tsrun", "list", "--quiet"), "");
});

test("it is removed with all that it brought, and with what an administrator had turned on", () => {
  inside("systemctl", "enable", "tsrun.socket");
  const link = join(tree, "etc/systemd/system/sockets.target.wants/tsrun.socket");
  assert.ok(readdirSync(join(link, "..")).includes("tsrun.socket"));
  apt("remove", "tsrun");
  assert.equal(files(), before);
  assert.not(existsSync(link));
  apt("install", "./tsrun.deb");
  apt("purge", "tsrun");
  assert.equal(files(), before);
  command("umount", "--recursive", tree);
});

leavesNothing();
test.run();
