// How make gets a static busybox, with stand-ins for apt-get and what it asks the machine.
import { spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { busyboxPath } from "../../../rootfs/busybox-binary.ts";

const PROJECT = join(import.meta.dir, "../../..");
const scratch = mkdtempSync(join(tmpdir(), "tsrun-make-"));
test.after(() => rmSync(scratch, { recursive: true }));

/** A project of its own with this Makefile, on a machine whose /bin/busybox is dynamic, and with such an apt-get. */
function needBusybox(name: string, aptGet: string) {
  const directory = join(scratch, name);
  const programs = join(directory, "programs");
  mkdirSync(programs, { recursive: true });
  copyFileSync(join(PROJECT, "Makefile"), join(directory, "Makefile"));
  const standIn = (program: string, script: string) =>
    writeFileSync(join(programs, program), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  standIn(
    "ldd",
    'case $1 in /*) echo "libc.so.6 => /lib/libc.so.6";; *) echo "not a dynamic executable"; exit 1; esac',
  );
  standIn("apt-get", `echo "$@" >>${directory}/asked\n${aptGet}`);
  standIn("dpkg", `mkdir -p usr/bin && cp ${busyboxPath()} usr/bin/busybox`);
  const env = { ...process.env, PATH: `${programs}:${process.env["PATH"]}`, MAKEFLAGS: "" };
  const make = () => spawnSync("make", ["-s", "need-busybox"], { cwd: directory, env, encoding: "utf8" });
  const asked = () => readFileSync(join(directory, "asked"), "utf8");
  return { directory, make, asked };
}

test("where /bin/busybox needs a libc, a static one is fetched once, and nothing installed", () => {
  const { directory, make, asked } = needBusybox("dynamic", "touch busybox-static_1_amd64.deb");
  const { status, stderr } = make();
  assert.is(status, 0, stderr);
  assert.ok(existsSync(join(directory, "build/busybox")));
  assert.is(make().status, 0);
  assert.is(asked(), "-q download busybox-static\n");
});

test("package lists that are missing or old are fetched", () => {
  const script = 'test "$2" = update && touch ../updated; test -e ../updated && touch x.deb';
  const { make, asked } = needBusybox("old", script);
  assert.is(make().status, 0);
  assert.is(asked(), "-q download busybox-static\n-q update\n-q download busybox-static\n");
});

test("what apt-get says is told in one line when it can't fetch it", () => {
  const { make } = needBusybox("none", 'echo "E: no network"; exit 100');
  const { status, stderr } = make();
  assert.is.not(status, 0);
  assert.match(
    stderr,
    /^tsrun needs a static busybox \(Debian: busybox-static\), and apt-get could not fetch it: E: no network$/m,
  );
});

test.run();
