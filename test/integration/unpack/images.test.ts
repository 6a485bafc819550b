// Runs beside other files.
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { started } from "../../harness/container.ts";
import { freshDirectory, project, runtimePath, stateRoot, uniqueId } from "../../harness/environment.ts";
import {
  ARCHITECTURE,
  asArchive,
  asDirectory,
  type ImageSource,
  imageOf,
  layout,
  saved,
  TOLD,
  talking,
} from "../../harness/images.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint, refusal, runtime, startRuntime, succeeded } from "../../harness/runtime.ts";
import { testIf } from "../../harness/skip.ts";
import { file, tar } from "../../harness/tar.ts";
import { atTerminal } from "../../harness/terminal.ts";
import { configOf, refused, treeOf, unpacked } from "../../harness/unpacked.ts";
import { waitUntil } from "../../harness/wait.ts";

/** What the container of a bundle prints. */
function ran(bundle: string): string {
  const outcome = runtime(["run", "--bundle", bundle, uniqueId()]);
  if (outcome.status !== 3) throw new Error(`${outcome.status}: ${outcome.stderr}`);
  return outcome.stdout;
}

for (const compression of ["plain", "gzip", "zstd"] as const) {
  test(`an image layout whose layers are ${compression} runs as its config says`, () => {
    assert.is(ran(unpacked(asDirectory(layout([talking(compression)])))), TOLD);
  });
}

test("an archive of an image layout runs, also one whose index comes last", () => {
  const files = layout([talking()], true);
  assert.is(ran(unpacked(asArchive(files))), TOLD);
  assert.is(ran(unpacked(asArchive(new Map([...files].reverse())))), TOLD);
});

test("what docker saved before it saved image layouts runs, with layers that are links", () => {
  const image = talking("plain");
  const twice = { ...image, layers: [...image.layers, ...image.layers.slice(1)] };
  assert.is(ran(unpacked(asArchive(saved([twice])))), TOLD);
});

test("config.json has what the image-spec's conversion asks for", () => {
  const { process, annotations, root } = configOf(unpacked(asDirectory(layout([talking()]))));
  assert.is(process?.cwd, "/tmp/work");
  assert.equal(process?.env, ["PATH=/bin", "WORD=hello"]);
  assert.equal(process?.args?.slice(-2), ["sh", "world"]);
  assert.equal(process?.user, { uid: 1000, gid: 1001, additionalGids: [50] });
  assert.equal(root, { path: "rootfs" });
  const PREFIX = "org.opencontainers.image.";
  assert.equal(annotations, {
    note: "ours",
    [`${PREFIX}os`]: "label",
    [`${PREFIX}architecture`]: ARCHITECTURE,
    [`${PREFIX}created`]: "2026-01-02T03:04:05Z",
    [`${PREFIX}stopSignal`]: "SIGQUIT",
    [`${PREFIX}exposedPorts`]: "80/tcp,53/udp",
  });
});

test("users and groups are taken by number as they are, and by name from the image", () => {
  const user = (User: string) =>
    configOf(unpacked(asDirectory(layout([talking("plain", { config: { User } })])))).process?.user;
  assert.equal(user(""), { uid: 0, gid: 0 });
  assert.equal(user("1234"), { uid: 1234, gid: 0 });
  assert.equal(user("1000"), { uid: 1000, gid: 1001, additionalGids: [50] });
  assert.equal(user("teller:staff"), { uid: 1000, gid: 50 });
  assert.equal(user("1234:5678"), { uid: 1234, gid: 5678 });
  assert.equal(user("root:1001"), { uid: 0, gid: 1001 });
});

test("an image without a command runs a shell, and has a PATH", () => {
  const { process } = configOf(unpacked(asDirectory(layout([talking("plain", { config: {} })]))));
  assert.equal(process?.args, ["sh"]);
  assert.match(process?.env?.[0] ?? "", /^PATH=.*\/bin/);
  assert.is(process?.cwd, "/");
});

// Which image

const one = (text: string, more: Partial<ImageSource> = {}): ImageSource => ({
  layers: [{ archive: tar([file("which", text)]) }],
  ...more,
});
const which = (image: string, ...flags: string[]) =>
  treeOf(join(unpacked(image, ...flags), "rootfs"))["which"];

for (const [form, write] of [
  ["an image layout", (images: readonly ImageSource[]) => asDirectory(layout(images))],
  ["an archive of docker save", (images: readonly ImageSource[]) => asArchive(saved(images))],
] as const) {
  test(`--tag chooses among several: ${form}`, () => {
    const image = write([one("a", { tag: "repo/x:1" }), one("b", { tag: "repo/x:2" })]);
    assert.is(which(image, "--tag", "2"), "b");
    assert.is(which(image, "--tag", "repo/x:1"), "a");
    assert.match(refused(image), /has 2 images, repo\/x:1, repo\/x:2: choose one with --tag/);
    assert.match(refused(image, "--tag", "3"), /no image with the tag 3, but repo\/x:1, repo\/x:2/);
  });
}

const platforms = ["amd64", "arm64", "arm/v6", "arm/v7", "riscv64"].map((name) => {
  const [architecture = "", variant] = name.split("/");
  return one(name, { platform: { os: "linux", architecture, ...(variant !== undefined && { variant }) } });
});

for (const nested of [false, true]) {
  test(`--platform chooses among an index's, this machine's without it${nested ? ", in a nested index" : ""}`, () => {
    const image = asDirectory(layout(platforms, nested));
    assert.is(which(image), ARCHITECTURE);
    assert.is(which(image, "--platform", "linux/arm/v6"), "arm/v6");
    assert.is(which(image, "--platform", "linux/arm"), "arm/v7");
    assert.is(which(image, "--platform", "linux/arm64/v8"), "arm64");
    assert.match(
      refused(image, "--platform", "linux/s390x"),
      /no image for linux\/s390x, but for linux\/amd64, linux\/arm64/,
    );
    assert.match(refused(image, "--platform", "arm64"), /--platform arm64: is not a platform/);
  });
}

test("an image for another platform alone is unpacked only when that is asked for", () => {
  const image = asArchive(saved([one("far", { platform: { os: "linux", architecture: "s390x" } })]));
  assert.match(refused(image), /is for linux\/s390x, not linux\/.*: --platform linux\/s390x unpacks it/);
  assert.is(which(image, "--platform", "linux/s390x"), "far");
});

// What is no image

test("what is no image, or not there, is refused with what it is", () => {
  const directory = freshDirectory("none");
  assert.match(refused(join(directory, "nothing")), /cannot be read: ENOENT/);
  assert.match(refused("/dev/null"), /neither a directory, nor a file, nor a pipe/);
  writeFileSync(join(directory, "text"), "hello".repeat(500));
  assert.match(refused(join(directory, "text")), /no tar archive/);
  writeFileSync(join(directory, "gz"), gzipSync("hello".repeat(500)));
  assert.match(refused(join(directory, "gz")), /no tar archive/);
  writeFileSync(join(directory, "empty"), "");
  assert.match(refused(join(directory, "empty")), /neither an index\.json .* nor a manifest\.json/);
  assert.match(refusal(runtime(["unpack", "image"])), /BUNDLE/);
});

test("a name as for docker is answered with what to fetch it with", () => {
  const said = refused("nginx:latest");
  assert.match(said, "nginx:latest: cannot be read: ENOENT");
  assert.match(said, "name what `docker save` or `skopeo copy` has written");
});

test("an archive that is cut short in a file is told so, not that it is no image", () => {
  const whole = readFileSync(
    asArchive(layout([{ layers: [{ archive: tar([file("one", "x".repeat(9000))]) }] }])),
  );
  const cut = join(freshDirectory("image"), "cut.tar");
  writeFileSync(cut, whole.subarray(0, whole.indexOf("xxx") + 100));
  assert.match(refused(cut), "the archive is cut short");
});

test("an archive may be compressed as a whole; its copy counts against --max-size", () => {
  const directory = freshDirectory("whole");
  const archive = readFileSync(asArchive(saved([talking("plain")])));
  for (const [name, compress] of [
    ["gz", gzipSync],
    ["zst", zstdCompressSync],
  ] as const) {
    writeFileSync(join(directory, name), compress(archive));
    assert.is(ran(unpacked(join(directory, name))), TOLD);
    assert.match(refused(join(directory, name), "--max-size", "1M"), /unpacks to more than 1048576 bytes/);
  }
});

const testBash = testIf(Bun.which("bash") !== null, "needs bash");

testBash("an image may come from standard input or another pipe, with whatever in between", () => {
  const archive = asArchive(layout([talking()]));
  for (const script of [
    'cat "$2" | "$0" --root "$1" unpack - "$3"',
    'gzip <"$2" | "$0" --root "$1" unpack - "$3"',
    '"$0" --root "$1" unpack - "$3" <"$2"',
    '"$0" --root "$1" unpack <(sleep 0.3; cat "$2") "$3"',
  ]) {
    const bundle = join(freshDirectory("pipe"), "bundle");
    execFileSync("bash", ["-c", script, runtimePath, stateRoot, archive, bundle]);
    assert.is(ran(bundle), TOLD);
  }
  assert.match(
    complaint(runtime(["unpack", "-", join(freshDirectory("none"), "bundle")], { input: "" })),
    /standard input: is n/,
  );
});

test("SIGTERM ends the wait for a pipe that gives nothing, and no copy is left", async () => {
  const directory = freshDirectory("waiting");
  await using running = startRuntime(["unpack", "-", join(directory, "bundle")]);
  running.child.stdin?.write("x".repeat(10));
  await Bun.sleep(500);
  running.child.kill("SIGTERM");
  assert.match(complaint(await running.ended()), /was ended/);
  assert.equal(readdirSync(directory), []);
});

test("a bundle is made neither where its directory can't be, nor in place of a file", () => {
  const directory = freshDirectory("where");
  writeFileSync(join(directory, "file"), "");
  const image = imageOf([file("a")]);
  assert.match(complaint(runtime(["unpack", image, join(directory, "no/bundle")])), /cannot be made: ENOENT/);
  assert.match(complaint(runtime(["unpack", image, join(directory, "file")])), /no directory/);
});

// While it is done

/** An image that takes a while. */
const many = Array.from({ length: 20_000 }, (_, at) => file(`f${at}`, "content"));
const slow = asDirectory(layout([{ layers: [{ archive: tar(many) }, { archive: tar([file("last")]) }] }]));

test("a bar shows layers and bytes at a terminal, and is gone at the end; elsewhere nothing is printed", async () => {
  const [image, bundle] = [slow, join(freshDirectory("bar"), "bundle")];
  await using terminal = atTerminal(["unpack", image, bundle]);
  assert.is(await terminal.ended(), 0);
  const [, drawn = ""] = /(layer 1\/2 \[#+\.*\] [\d.]+\/19\.5 MiB)/.exec(terminal.printed()) ?? [];
  assert.ok(drawn, terminal.printed());
  assert.ok(terminal.printed().endsWith("\r\u001b[K"));
  assert.not.match(terminal.printed(), /\n/);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal} ends it, and nothing is left`, async () => {
    const [image, directory] = [slow, freshDirectory("ended")];
    await using running = startRuntime(["unpack", image, join(directory, "bundle")]);
    await waitUntil(() => existsSync(join(directory, "bundle/rootfs/f3")), "it has begun");
    running.child.kill(signal);
    assert.match(complaint(await running.ended()), /was ended/);
    assert.equal(readdirSync(directory), []);
  });
}

// Images of other programs

const withTools = testIf(
  ["skopeo", "umoci"].every((name) => Bun.which(name) !== null),
  "needs skopeo and umoci",
);

/** The layout as skopeo copies it to another form. */
function copied(form: string, path: string): string {
  const from = asDirectory(layout([talking("gzip", { tag: "1" })]));
  execFileSync("skopeo", [
    "--insecure-policy",
    "copy",
    "--quiet",
    `oci:${from}:1`,
    `${form}:${path}:localhost/talking:1`,
  ]);
  return path;
}

for (const form of ["docker-archive", "oci-archive"]) {
  withTools(`what skopeo, which podman and CRI-O write with too, saves as ${form} runs`, () => {
    assert.is(ran(unpacked(copied(form, join(freshDirectory("skopeo"), "image.tar")))), TOLD);
  });
}

withTools("what umoci has made, repacked and configured runs, and is unpacked as umoci unpacks it", () => {
  const image = join(freshDirectory("umoci"), "image");
  const bundle = join(freshDirectory("umoci"), "bundle");
  const umoci = (...args: string[]) => execFileSync("umoci", args, { stdio: ["ignore", "ignore", "pipe"] });
  umoci("init", "--layout", image);
  umoci("new", "--image", `${image}:it`);
  umoci("unpack", "--image", `${image}:it`, bundle);
  execFileSync("tar", ["-xf", join(project, "build/rootfs/busybox.tar"), "-C", join(bundle, "rootfs")]);
  mkdirSync(join(bundle, "rootfs/old"));
  writeFileSync(join(bundle, "rootfs/old/file"), "");
  umoci("repack", "--image", `${image}:it`, bundle);
  renameSync(join(bundle, "rootfs/old"), join(bundle, "rootfs/new"));
  writeFileSync(join(bundle, "rootfs/new/more"), "2");
  umoci("repack", "--refresh-bundle", "--image", `${image}:it`, bundle);
  umoci(
    "config",
    "--image",
    `${image}:it`,
    "--config.cmd=sh",
    "--config.cmd=-c",
    "--config.cmd=echo $0; exit 3",
  );
  const own = unpacked(image, "--tag", "it");
  assert.is(ran(own), "sh\n");
  const other = join(freshDirectory("umoci"), "bundle");
  umoci("unpack", "--image", `${image}:it`, other);
  const listed = (at: string) =>
    execFileSync("find", [".", "-printf", "%p %y %m %U:%G %s %l %T@\n"], {
      cwd: join(at, "rootfs"),
      encoding: "utf8",
    });
  assert.equal(listed(own).split("\n").sort(), listed(other).split("\n").sort());
  succeeded(runtime(["validate", "--bundle", own]));
});

test("with --sandbox an image's container joins that pod, with the command that its image wants", () => {
  using sandbox = started({ args: ["sleep", "60"] });
  const image = asDirectory(
    layout([
      {
        ...talking(),
        config: { Cmd: ["sh", "-c", "readlink /proc/self/ns/net; readlink /proc/self/ns/mnt; exit 3"] },
      },
    ]),
  );
  const [net, mount] = ran(unpacked(image, "--sandbox", sandbox.id)).split("\n");
  assert.is(net, readlinkSync(`/proc/${sandbox.pid()}/ns/net`));
  assert.is.not(mount, readlinkSync(`/proc/${sandbox.pid()}/ns/mnt`));
});

test("a sandbox that isn't there is told before anything is unpacked", () => {
  const bundle = join(freshDirectory("no-pod"), "bundle");
  const image = asDirectory(layout([talking()]));
  assert.match(
    complaint(runtime(["unpack", "--sandbox", "nosuch", image, bundle])),
    "container does not exist: nosuch",
  );
  assert.not(existsSync(bundle));
});

leavesNothing();
test.run();
