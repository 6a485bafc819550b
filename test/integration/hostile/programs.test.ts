// Runs beside other files.
// What is executed, entered and read of an image, and what a running container does to those who come in.
import { closeSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CAPABILITIES } from "../../../runtime-spec/config-process.ts";
import { ioctl } from "../../../src/kernel/calls.ts";
import { here } from "../../../src/kernel/here.ts";
import { bundle, capabilities, DEFAULT_MOUNTS, namespaces } from "../../harness/bundle.ts";
import { ran, ranIn, started } from "../../harness/container.ts";
import { testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { command, mounted } from "../../harness/mount.ts";
import { OBSTACLES } from "../../harness/obstacles.ts";
import { hostile, outside } from "../../harness/outside.ts";
import { status } from "../../harness/processes.ts";
import { complaint, runtime, succeeded } from "../../harness/runtime.ts";

const SLEEP = ["sleep", "60"];

/** All that this process has itself. */
const held = BigInt(`0x${status(process.pid).get("CapEff")}`);
const EVERYTHING = capabilities(CAPABILITIES.filter((_, bit) => (held >> BigInt(bit)) & 1n));

/** A bundle that runs `args`, with a script or link of the image put in before. */
function imageWith(put: (rootfs: string) => void, args: readonly string[]) {
  const made = bundle({ args, process: { capabilities: EVERYTHING } });
  put(made.rootfs);
  return made;
}

const script = (interpreter: string) => (rootfs: string) =>
  writeFileSync(join(rootfs, "evil"), `#!${interpreter}\n`, { mode: 0o755 });
const link = (target: string) => (rootfs: string) => symlinkSync(target, join(rootfs, "evil"));

// The program: never the runtime itself (CVE-2019-5736), never the host's

for (const target of [
  "/proc/self/exe",
  "/proc/1/exe",
  "/proc/self/fd/0",
  "/proc/self/fd/3",
  "/proc/self/root/bin/true",
  "/proc/self/cwd/bin/true",
  `/proc/self/root/../../../..${outside}/program`,
  `../../../../../../../..${outside}/program`,
]) {
  hostile(`${target} as the program is refused`, () => {
    assert.match(complaint(ran({ args: [target] })), /process\.args\[0\]/);
  });

  hostile(`a link to ${target} as the program is refused`, () => {
    assert.match(complaint(ranIn(imageWith(link(target), ["/evil"]).path)), /process\.args\[0\]/);
  });

  hostile(`exec of ${target} is refused`, () => {
    using box = started({ args: SLEEP });
    link(target)(box.bundle.rootfs);
    assert.match(complaint(box.exec(target)), /process\.args\[0\]/);
    assert.match(complaint(box.exec("/evil")), /process\.args\[0\]/);
  });
}

for (const interpreter of ["/proc/self/exe", "/proc/1/exe", "/proc/self/fd/3"]) {
  hostile(`a script for ${interpreter} runs nothing of the host`, () => {
    const outcome = ranIn(imageWith(script(interpreter), ["/evil"]).path);
    assert.is.not(outcome.status, 0);
    assert.is(outcome.stdout, "");
    using box = started({ args: SLEEP });
    script(interpreter)(box.bundle.rootfs);
    assert.is.not(box.exec("/evil").status, 0);
  });
}

hostile("a container can't write to the program of who comes in", () => {
  const overwrite = "while :; do for p in /proc/[0-9]*; do echo evil > $p/exe; done; done 2>/dev/null";
  using box = started({
    args: ["sh", "-c", overwrite],
    process: { capabilities: EVERYTHING },
    linux: { maskedPaths: [], readonlyPaths: [] },
  });
  for (let times = 0; times < 20; times++) assert.is(succeeded(box.exec("echo", "in")).stdout, "in\n");
});

for (const [obstacle, put] of Object.entries(OBSTACLES)) {
  hostile(`a ${obstacle} as the program is refused`, () => {
    const { path, rootfs } = bundle({ args: ["/evil"] });
    put(join(rootfs, "evil"));
    command("chmod", "777", join(rootfs, "evil"));
    assert.match(complaint(ranIn(path)), /\/evil/);
  });
}

// The working directory, through descriptors that somebody left open (CVE-2024-21626)

for (const fd of [3, 4, 5, 6, 7, 8, 9, 10]) {
  hostile(`the working directory /proc/self/fd/${fd} is refused`, () => {
    const descriptors = [openSync(outside, "r"), openSync("/", "r")];
    const process = { cwd: `/proc/self/fd/${fd}` };
    assert.match(complaint(ran({ args: ["ls"], process }, { descriptors })), /process\.cwd/);
    const { path, rootfs } = bundle({ args: ["ls"], process: { cwd: "/way/in" } });
    mkdirSync(join(rootfs, "way"));
    symlinkSync(`/proc/self/fd/${fd}`, join(rootfs, "way/in"));
    assert.match(complaint(ranIn(path, { descriptors })), /process\.cwd/);
    using box = started({ args: SLEEP });
    const entered = runtime(["exec", "--cwd", process.cwd, box.id, "ls"], { descriptors });
    assert.match(complaint(entered), /process\.cwd/);
  });
}

hostile("a descriptor that is passed on is no way in by its path", () => {
  const descriptors = [openSync(outside, "r")];
  for (const [patch, path] of [
    [{ args: ["ls"], process: { cwd: "/proc/self/fd/3" } }, "process.cwd"],
    [{ args: ["/proc/self/fd/3/program"] }, "process.args[0]"],
    [{ args: ["program"], process: { env: ["PATH=/proc/self/fd/3"] } }, "process.args[0]"],
  ] as const) {
    const { path: directory } = bundle(patch);
    const outcome = runtime(["run", "--preserve-fds", "1", "--bundle", directory, uniqueId()], {
      descriptors,
    });
    assert.ok(complaint(outcome).includes(path), outcome.stderr);
  }
});

hostile("nor with exec, nor by a link of the image", () => {
  const descriptors = [openSync(outside, "r")];
  using box = started({ args: SLEEP });
  symlinkSync("/proc/self/fd/3", join(box.bundle.rootfs, "way"));
  for (const way of ["/proc/self/fd/3", "/proc/thread-self/fd/3", "/way", "/way/etc"]) {
    const exec = (...args: string[]) => runtime(["exec", "--preserve-fds", "1", ...args], { descriptors });
    assert.match(complaint(exec("--cwd", way, box.id, "ls")), /process\.cwd/);
    assert.match(complaint(exec(box.id, `${way}/program`)), /process\.args\[0\]/);
  }
});

testTsrun("nor as the working directory in mounts that are shared with the host", () => {
  const descriptors = [openSync(outside, "r")];
  const linux = { namespaces: namespaces({ mount: false, pid: false }), maskedPaths: [], readonlyPaths: [] };
  const made = bundle({ args: ["ls"], mounts: [], linux, process: { cwd: "/proc/self/fd/3" } });
  using _ = mounted(join(made.rootfs, "proc"), "-t", "proc", "proc");
  const run = ["run", "--preserve-fds", "1", "--bundle", made.path, uniqueId()];
  assert.match(complaint(runtime(run, { descriptors })), /process\.cwd/);
});

// The user's home, out of the image's /etc/passwd

const PASSWD: typeof OBSTACLES = {
  ...OBSTACLES,
  "a link to the host's": (path) => symlinkSync(`../../../../../../..${outside}/etc/passwd`, path),
  "a magic link": (path) => symlinkSync("/proc/self/fd/0", path),
  "a link to itself": (path) => symlinkSync("passwd", path),
  "a link to the kernel's log": (path) => symlinkSync("/dev/kmsg", path),
  "a binary file": (path) => writeFileSync(path, new Uint8Array(300_000).fill(0xfe)),
  "a line without an end": (path) => writeFileSync(path, `root:x:0:0:${"x".repeat(300_000)}:/evil:`),
};

for (const [what, put] of Object.entries(PASSWD)) {
  hostile(`HOME is / when /etc/passwd is ${what}`, () => {
    const { path, rootfs } = bundle({ args: ["sh", "-c", "echo $HOME"] });
    command("rm", "-f", join(rootfs, "etc/passwd"));
    put(join(rootfs, "etc/passwd"));
    assert.is(succeeded(ranIn(path)).stdout, "/\n");
  });
}

hostile("HOME is not out of a file that is passed on, by a link from /etc/passwd", () => {
  for (const target of ["/proc/self/fd/3", "/proc/thread-self/fd/3", "/proc/self/fd/4/passwd"]) {
    const descriptors = [openSync(join(outside, "etc/passwd"), "r"), openSync(join(outside, "etc"), "r")];
    const link = (rootfs: string) => {
      command("rm", "-f", join(rootfs, "etc/passwd"));
      symlinkSync(target, join(rootfs, "etc/passwd"));
    };
    const { path, rootfs } = bundle({ args: ["sh", "-c", "echo $HOME"] });
    link(rootfs);
    const run = runtime(["run", "--preserve-fds", "2", "--bundle", path, uniqueId()], { descriptors });
    assert.is(succeeded(run).stdout, "/\n");
    using box = started({ args: SLEEP });
    link(box.bundle.rootfs);
    const exec = ["exec", "--preserve-fds", "2", box.id, "sh", "-c", "echo $HOME"];
    assert.is(succeeded(runtime(exec, { descriptors })).stdout, "/\n");
    for (const descriptor of descriptors) closeSync(descriptor);
  }
});

test("a terminal as /etc/passwd does not become the container's", () => {
  const TIOCSPTLCK = 0x40045431; // asm-generic/ioctls.h: lock or unlock the other side
  const master = openSync("/dev/ptmx", "r+");
  here(ioctl(master, TIOCSPTLCK, new Uint8Array(4)));
  const [, index] = /tty-index:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${master}`, "utf8")) ?? [];
  const terminal = {
    destination: "/etc/passwd",
    type: "bind",
    source: `/dev/pts/${index}`,
    options: ["bind"],
  };
  const outcome = ran({
    args: ["cut", "-d", " ", "-f7", "/proc/self/stat"],
    mounts: [...DEFAULT_MOUNTS, terminal],
    linux: { resources: { devices: [{ allow: true, access: "rwm" }] } },
  });
  closeSync(master);
  assert.is(succeeded(outcome).stdout, "0\n");
});

// A mount namespace that is joined is another container's

for (const path of ["/proc/self/root", "/proc/self/cwd"]) {
  testTsrun(`a link to ${path} in a joined mount namespace is no rootfs`, () => {
    using host = started({ args: SLEEP });
    succeeded(host.exec("ln", "-s", path, "/dev/shm/rootfs"));
    const linux = {
      namespaces: namespaces({ mount: `/proc/${host.pid()}/ns/mnt`, pid: `/proc/${host.pid()}/ns/pid` }),
      maskedPaths: [],
      readonlyPaths: [],
    };
    const joined = { args: ["true"], root: { path: "/dev/shm/rootfs" }, mounts: [], linux };

    assert.match(complaint(ran(joined)), /root\.path \(\/dev\/shm\/rootfs\): openat2.*ELOOP/);
  });
}

testTsrun("hooks in a joined mount namespace are refused: their programs would be its members'", () => {
  using host = started({ args: SLEEP });
  const joined = {
    root: { path: "/" },
    mounts: [],
    hooks: { createContainer: [{ path: "/bin/true" }] },
    linux: {
      namespaces: namespaces({ mount: `/proc/${host.pid()}/ns/mnt` }),
      maskedPaths: [],
      readonlyPaths: [],
    },
  };
  assert.match(complaint(ran(joined)), /hooks\.createContainer: needs a mount namespace/);
});

leavesNothing();
test.run();
