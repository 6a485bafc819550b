// Runs beside other files.
// An image is not trusted: what its links, files and scripts lead to is the container's own, or a refusal.
import { rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle, DEFAULT_MOUNTS, type JsonObject, type Patch } from "../../harness/bundle.ts";
import { ranIn } from "../../harness/container.ts";
import { freshDirectory } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { command } from "../../harness/mount.ts";
import { OBSTACLES } from "../../harness/obstacles.ts";
import { hostile, outside, rightOrRefused } from "../../harness/outside.ts";
import { complaint, succeeded } from "../../harness/runtime.ts";

const volume = freshDirectory("volume");
writeFileSync(join(volume, "file"), "content");

/** Where an image's link may lead; the ones into proc are read by whoever follows them. */
const LINKS = [
  "/",
  "..",
  "../../../../../../..",
  "spot",
  "/etc",
  "/etc/passwd",
  "/not/there",
  outside,
  `../../../../../../../..${outside}`,
  `${outside}/secret`,
  "/proc/self/fd",
  "/proc/self/fd/0",
  "/proc/self/fd/3",
  "/proc/self/fd/7",
  "/proc/self/root",
  "/proc/self/cwd",
  "/proc/self/exe",
  "/proc/1/root",
  "/proc/sys/kernel",
  "/dev/null",
];

/** A thing that config.json puts at /spot: the shell's script tells, by its output, whether it is there. */
interface Use {
  readonly patch: Patch;
  readonly script: string;
  readonly right: RegExp;
}

function mounting(mount: JsonObject): Patch {
  return { mounts: [...DEFAULT_MOUNTS, mount] };
}

const PROC: JsonObject = { destination: "/proc", type: "proc", source: "proc" };
const DIRECTORY = { type: "bind", source: volume, options: ["rbind"] };
const FILE = { type: "bind", source: join(volume, "file"), options: ["bind"] };
const NULL = { type: "c", major: 1, minor: 3 };

const USES: Readonly<Record<string, Use>> = {
  "a directory's mount": {
    patch: mounting({ destination: "/spot", ...DIRECTORY }),
    script: "cat /spot/file",
    right: /^content$/,
  },
  "a file's mount": {
    patch: mounting({ destination: "/spot", ...FILE }),
    script: "cat /spot",
    right: /^content$/,
  },
  "a tmpfs": {
    patch: mounting({ destination: "/spot", type: "tmpfs", source: "tmpfs" }),
    script: "touch /spot/x; stat -f -c %T /spot",
    right: /^tmpfs\n$/,
  },
  "a mount below": {
    patch: mounting({ destination: "/spot/a/b", ...DIRECTORY }),
    script: "cat /spot/a/b/file",
    right: /^content$/,
  },
  "a mount of proc": {
    patch: mounting({ destination: "/spot", type: "proc", source: "proc" }),
    script: "stat -f -c %T /spot",
    right: /^proc\n$/,
  },
  "a masked path": {
    patch: { linux: { maskedPaths: ["/spot"] } },
    script: "if [ -d /spot ]; then ls -A /spot/; elif [ -e /spot ]; then cat /spot; fi",
    right: /^$/,
  },
  "a read-only path": {
    patch: { linux: { readonlyPaths: ["/spot"] } },
    script: "chmod 600 /spot 2>&1 || true",
    right: /Read-only file system|No such file|not permitted/,
  },
  "a device": {
    patch: { linux: { devices: [{ path: "/spot", ...NULL }] } },
    script: "stat -c %F:%t:%T /spot",
    right: /^character special file:1:3\n$/,
  },
  "a device below": {
    patch: { linux: { devices: [{ path: "/spot/null", ...NULL }] } },
    script: "stat -c %F:%t:%T /spot/null",
    right: /^character special file:1:3\n$/,
  },
  "the working directory": {
    patch: { process: { cwd: "/spot" } },
    script: "pwd -P; ls ..",
    right: /^\/(?!unreachable)/,
  },
};

for (const [what, { patch, script, right }] of Object.entries(USES)) {
  for (const target of LINKS) {
    hostile(`${what} where the image has a link to ${target}`, () => {
      const { path, rootfs } = bundle({ ...patch, args: ["sh", "-c", script] });
      symlinkSync(target, join(rootfs, "spot"));
      rightOrRefused(ranIn(path), right);
    });
  }
}

// Other things in a place: what is no directory or file, and would block or act when it is opened

for (const [what, { patch, script, right }] of Object.entries(USES)) {
  for (const [obstacle, put] of Object.entries(OBSTACLES)) {
    hostile(`${what} where the image has a ${obstacle}`, () => {
      const { path, rootfs } = bundle({ ...patch, args: ["sh", "-c", script] });
      put(join(rootfs, "spot"));
      rightOrRefused(ranIn(path), right);
    });
  }
}

for (const [obstacle, put] of Object.entries(OBSTACLES)) {
  hostile(`a ${obstacle} of the host is bound as it is`, () => {
    const source = join(freshDirectory("source"), "it");
    put(source);
    const { path } = bundle({
      args: ["stat", "-c", "%F %t:%T", "/spot"],
      ...mounting({ destination: "/spot", type: "bind", source, options: ["bind"] }),
    });
    assert.is(succeeded(ranIn(path)).stdout, command("stat", "-c", "%F %t:%T", source));
  });

  hostile(`/dev/null that is a ${obstacle} in the image is refused, or hidden by a tmpfs`, () => {
    const { path, rootfs } = bundle({ mounts: [PROC], linux: { maskedPaths: ["/proc/keys"] } });
    put(join(rootfs, "dev/null"));
    assert.match(complaint(ranIn(path)), /default device \/dev\/null/);
  });
}

for (const target of ["zero", "/etc/passwd", "/not/there", `../../../../../..${outside}/secret`]) {
  hostile(`/dev/null that is a link to ${target} in the image is refused (CVE-2026-88265)`, () => {
    const { path, rootfs } = bundle({ mounts: [PROC], process: { user: { uid: 1000, gid: 1000 } } });
    symlinkSync(target, join(rootfs, "dev/null"));
    const through = ["sh", "-c", 'exec "$@" < /dev/null', "sh"];
    assert.match(complaint(ranIn(path, { through })), /default device \/dev\/null/);
  });
}

// The directories that everything relies on

/** runc's words. */
const ORDINARY = /filesystem "(proc|sysfs)" must be mounted on ordinary directory/;

for (const name of ["proc", "sys", "dev"]) {
  for (const target of ["/etc", "..", outside, "/proc/self", "/not/there", name]) {
    hostile(`a rootfs whose /${name} is a link to ${target}`, () => {
      const { path, rootfs } = bundle({ args: ["stat", "-f", "-c", "%T", `/${name}/`] });
      rmSync(join(rootfs, name), { recursive: true, force: true });
      symlinkSync(target, join(rootfs, name));
      const outcome = ranIn(path);
      rightOrRefused(outcome, /^tmpfs\n$/);
      if (name !== "dev") assert.match(complaint(outcome), target === "/not/there" ? ORDINARY : /mounts/);
    });
  }

  hostile(`a rootfs whose /${name} is a file is refused`, () => {
    const { path, rootfs } = bundle();
    rmSync(join(rootfs, name), { recursive: true, force: true });
    writeFileSync(join(rootfs, name), "");
    const said = complaint(ranIn(path));
    assert.match(said, /mounts\[\d\].*not a directory/i);
    if (name !== "dev") assert.match(said, ORDINARY);
  });
}

leavesNothing();
test.run();
