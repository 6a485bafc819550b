import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { freshDirectory } from "./environment.ts";
import { complaint, type Outcome } from "./runtime.ts";

/** A directory of the host that no container is given. */
export const outside = freshDirectory("outside");

/** What the file `secret` in there holds: no container may print it. */
export const SECRET = "the host's own";

writeFileSync(join(outside, "secret"), SECRET);
writeFileSync(join(outside, "program"), "#!/bin/sh\necho outside\n", { mode: 0o755 });
mkdirSync(join(outside, "etc"));
writeFileSync(join(outside, "etc/passwd"), "root:x:0:0::/outside:/bin/sh\n");

/** Values that a container's sysctls, masks and read-only paths must never reach, or lift, on the host. */
const SYSCTLS = [
  ...["kernel/hostname", "kernel/domainname", "kernel/core_pattern", "kernel/modprobe", "kernel/msgmax"],
  ...["kernel/shmmax", "kernel/sysrq", "kernel/panic", "net/ipv4/ip_forward", "vm/overcommit_memory"],
].filter((name) => existsSync(join("/proc/sys", name)));

const FILES = ["/dev/null", "/dev/zero", "/dev/ptmx", "/dev/tty", "/etc/passwd", "/etc/hosts", "/bin/sh"];

/** A test around which nothing of the host changes: files, sysctls, mounts. */
export function hostile(name: string, body: () => Promise<void> | void): void {
  test(name, async () => {
    const before = hostState();
    await body();
    assert.equal(hostState(), before);
  });
}

/** Asserts that a container ran and printed what is right, or was refused in one line that names the culprit. */
export function rightOrRefused(outcome: Outcome, right: RegExp): void {
  assert.not(outcome.stdout.includes(SECRET));
  if (outcome.status === 0) assert.match(outcome.stdout, right);
  else assert.match(complaint(outcome), /^tsrun: error: (config\.json: \w|process\.)/);
}

function hostState(): string[] {
  return [
    ...fingerprints(outside),
    ...FILES.map((path) => fingerprint(path)),
    ...["/", "/proc", "/dev", "/etc"].map((path) => `${path}: ${readdirSync(path).filter(isName).sort()}`),
    ...SYSCTLS.map((name) => `${name}: ${readFileSync(join("/proc/sys", name), "utf8")}`),
    ...readFileSync("/proc/self/mountinfo", "utf8").split("\n"),
  ];
}

/** Processes come and go in /proc. */
const isName = (name: string) => !/^\d+$/.test(name);

function fingerprints(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .sort()
    .flatMap((name) => fingerprint(join(directory, name)))
    .concat(fingerprint(directory));
}

/** What a write, a change of mode or owner, or a replacement would change; reading changes nothing of it. */
function fingerprint(path: string): string {
  const { ino, mode, uid, gid, rdev, nlink, size } = lstatSync(path);
  const { ctimeMs } = path.startsWith("/dev") ? { ctimeMs: 0 } : lstatSync(path);
  return [path, ino, mode.toString(8), uid, gid, rdev, nlink, size, ctimeMs].join(" ");
}
