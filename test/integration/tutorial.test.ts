// Runs beside other files.
// Needs ip, unshare.
/** The commands of docs/tutorial.md, typed by root. */
import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, rmdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { call } from "../callers/call.ts";
import { cgroup2Of } from "../harness/cgroups.ts";
import {
  freshDirectory,
  project,
  runtimePath,
  stateRoot,
  testTsrun,
  uniqueId,
} from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { namespaceOf } from "../harness/processes.ts";
import { type Shown, sectionsOf, shapeOf } from "../harness/shown.ts";
import { waitUntil } from "../harness/wait.ts";

/** Where the page's commands are typed: as build/ is, but for what they write. */
const directory = freshDirectory("build");
for (const built of ["rootfs", "bundles"]) symlinkSync(join(project, "build", built), join(directory, built));

/** Whose network namespace stands for the host's, so that no cable is laid on this machine. */
const host = spawn("unshare", ["--net", "sleep", "infinity"], { stdio: "ignore" });
await waitUntil(
  () => namespaceOf(host.pid ?? 0, "net") !== namespaceOf(process.pid, "net"),
  "the host has a network",
);

/** What the page calls, with what a test must not share with the machine. */
const programs = freshDirectory("programs");
const program = (name: string, command: string) =>
  writeFileSync(join(programs, name), `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
program("tsrun", `${runtimePath} --root ${stateRoot}`);
program("ip", `nsenter --net=/proc/${host.pid}/ns/net ${Bun.which("ip")}`);

/** The page's containers have short names, which their cgroups have too, beside that of who types. */
const cgroups = join(cgroup2Of(process.pid), uniqueId());
const typist = join(cgroups, "typist");
mkdirSync(typist, { recursive: true });

const MOST_TRIES = 100;

/** What a command prints on both streams. A server that has just started may not listen yet when one types this fast. */
async function typed({ command }: Shown): Promise<string> {
  const before = `cd ${directory} && echo $$ >${typist}/cgroup.procs && PATH=${programs}:$PATH && exec 2>&1`;
  for (let tries = 1; ; tries++) {
    const { stdout } = call(["sh", "-c", `${before}\n${command}`]);
    if (!stdout.includes("Connection refused") || tries === MOST_TRIES) return stdout;
    await Bun.sleep(20);
  }
}

const sections = sectionsOf("tutorial.md");

test("the page has commands", () => {
  assert.ok(sections.flatMap(({ shown }) => shown).length > 50);
});

for (const { heading, shown } of sections)
  if (shown.length > 0)
    testTsrun(heading, async () => {
      for (const one of shown) assert.is(shapeOf(await typed(one)), shapeOf(one.output), one.command);
    });

testTsrun("what the page has made it removes", () => {
  assert.equal(readdirSync(directory).sort(), ["bundles", "rootfs"]);
});

test("the typist leaves", async () => {
  const gone = new Promise((resolve) => host.once("exit", resolve));
  host.kill("SIGKILL");
  await gone;
  for (const path of [typist, cgroups]) rmdirSync(path);
});

leavesNothing();
test.run();
