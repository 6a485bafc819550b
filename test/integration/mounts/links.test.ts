// Runs beside other files.
// Bind mounts of symbolic links and on them: options that podman knows of crun.
import { existsSync, lstatSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS, namespaces } from "../../harness/bundle.ts";
import { ranIn } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint, type Outcome, succeeded } from "../../harness/runtime.ts";
import { bind, hostDirectory } from "../../harness/volumes.ts";

interface Scene {
  readonly source: string;
  readonly destination: string;
  readonly options: readonly string[];
  /** What the image has at /link, when it has a link there. */
  readonly image?: string;
  readonly script: string;
  readonly user?: boolean;
}

/** Binds one thing of a directory that has `file`, and links to it, to nothing and to a directory. */
function played(scene: Scene): { readonly outcome: Outcome; readonly rootfs: string } {
  const { source, destination, options, image, script, user = false } = scene;
  const volume = hostDirectory("file");
  symlinkSync("file", join(volume, "to-file"));
  symlinkSync("/not/there", join(volume, "to-nothing"));
  symlinkSync(".", join(volume, "to-directory"));
  const mapping = [{ containerID: 0, hostID: 0, size: 65536 }];
  const linux = user ? { namespaces: namespaces({ user }), uidMappings: mapping, gidMappings: mapping } : {};
  const mounts = [...DEFAULT_MOUNTS, bind(join(volume, source), destination, ...options)];
  const { path, rootfs } = bundle({ args: ["sh", "-c", script], mounts, linux });
  writeFileSync(join(rootfs, "target"), "target's content");
  if (image !== undefined) symlinkSync(image, join(rootfs, "link"));
  return { outcome: ranIn(path), rootfs };
}

const shown = (scene: Scene) => succeeded(played(scene).outcome).stdout;
const COUNT = "grep -c ' /link ' /proc/self/mountinfo || true";

for (const [what, target] of [
  ["many names", "a/".repeat(1900)],
  ["long names", `/${"d".repeat(200)}`.repeat(20)],
] as const)
  testTsrun(`a link of 4 KiB in an image, of ${what}, is followed to its end`, () => {
    const script = "cat /link/file; cut -d ' ' -f 5 /proc/self/mountinfo";
    const seen = shown({ source: "", destination: "/link", options: ["rbind"], image: target, script });
    assert.ok(seen.split("\n").includes(join("/", target).replace(/\/$/, "")), seen);
  });

// copy-symlink

for (const [source, target] of [
  ["to-file", "file"],
  ["to-nothing", "/not/there"],
  ["to-directory", "."],
] as const)
  for (const user of [false, true])
    testTsrun(
      `copy-symlink makes the link ${source} anew, and no mount${user ? ", in a user namespace, too" : ""}`,
      () => {
        const scene = { source, destination: "/deep/down/link", options: ["copy-symlink"], user };
        const script = "readlink /deep/down/link; grep -c /deep/down/link /proc/self/mountinfo || true";
        assert.is(shown({ ...scene, script }), `${target}\n0\n`);
      },
    );

testTsrun("copy-symlink binds what is no link, as without it", () => {
  const scene = { source: "file", destination: "/link", options: ["copy-symlink"] };
  assert.is(shown({ ...scene, script: `cat /link; ${COUNT}` }), "file's content1\n");
});

testTsrun("copy-symlink leaves the same link that the image has, and refuses anything else there", () => {
  const scene = {
    source: "to-file",
    destination: "/link",
    options: ["copy-symlink"],
    script: "readlink /link",
  };
  assert.is(shown({ ...scene, image: "file" }), "file\n");
  for (const [image, destination] of [
    ["other", "/link"],
    ["files", "/link"],
    ["file", "/target"],
  ] as const)
    assert.match(
      complaint(played({ ...scene, image, destination }).outcome),
      /mounts\[6\]\.destination: .* exists already, and is not a link to file/,
    );
});

testTsrun("copy-symlink makes its link in the root, wherever a link on the way leads", () => {
  const scene = {
    source: "to-nothing",
    destination: "/link/made",
    options: ["copy-symlink"],
    script: "true",
  };
  const { outcome, rootfs } = played({ ...scene, image: "/../../../../tmp" });
  succeeded(outcome);
  assert.is(readlinkSync(join(rootfs, "tmp/made")), "/not/there");
  assert.not(existsSync("/tmp/made"));
});

testTsrun("copy-symlink and src-nofollow or dest-nofollow exclude each other", () => {
  for (const other of ["src-nofollow", "dest-nofollow"]) {
    const scene = {
      source: "to-file",
      destination: "/link",
      options: ["copy-symlink", other],
      script: "true",
    };
    assert.match(complaint(played(scene).outcome), /mounts\[6\]\.options: copy-symlink makes no mount/);
  }
});

// src-nofollow and dest-nofollow

for (const user of [false, true])
  testTsrun(`src-nofollow mounts the link itself${user ? ", in a user namespace, too" : ""}`, () => {
    const scene = { source: "to-nothing", destination: "/link", options: ["src-nofollow"], user };
    assert.is(shown({ ...scene, script: `readlink /link; ${COUNT}` }), "/not/there\n1\n");
  });

testTsrun("dest-nofollow mounts on the image's link, and leaves what it leads to", () => {
  const scene = { source: "file", destination: "/link", options: ["dest-nofollow"], image: "target" };
  assert.is(shown({ ...scene, script: `cat /link /target; ${COUNT}` }), "file's contenttarget's content1\n");
});

test("without them links are followed on both sides", () => {
  const scene = { source: "to-file", destination: "/link", options: [], image: "target" };
  assert.is(shown({ ...scene, script: `cat /target; ${COUNT}` }), "file's content0\n");
});

testTsrun("both together mount a link on a link", () => {
  const options = ["src-nofollow", "dest-nofollow"];
  const scene = { source: "to-nothing", destination: "/link", options, image: "target" };
  const { outcome, rootfs } = played({ ...scene, script: `readlink /link; cat /target` });
  assert.is(succeeded(outcome).stdout, "/not/there\ntarget's content");
  assert.ok(lstatSync(join(rootfs, "link")).isSymbolicLink());
});

testTsrun("they are for bind mounts alone", () => {
  for (const option of ["copy-symlink", "src-nofollow", "dest-nofollow"]) {
    const mount = { destination: "/x", type: "tmpfs", source: "tmpfs", options: [option] };
    const { path } = bundle({ mounts: [...DEFAULT_MOUNTS, mount] });
    assert.match(complaint(ranIn(path)), new RegExp(`mounts\\[6\\].*${option}`));
  }
});

leavesNothing();
test.run();
