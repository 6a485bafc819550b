// Runs beside other files.
// Needs ip, unshare.
/** The commands of docs/tutorial.md, typed by root, but for those on a kubelet. */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { deskWith } from "../harness/desk.ts";
import { testTsrun } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";
import { namespaceOf } from "../harness/processes.ts";
import { chaptersOf, typeChapter } from "../harness/typists.ts";
import { waitUntil } from "../harness/wait.ts";

/** As build/ is, but for what the commands write. */
const desk = deskWith({ rootfs: "build/rootfs", bundles: "build/bundles" });

/** Whose network namespace stands for the host's, so that no cable is laid on this machine. */
const host = spawn("unshare", ["--net", "sleep", "infinity"], { stdio: "ignore" });
await waitUntil(
  () => namespaceOf(host.pid ?? 0, "net") !== namespaceOf(process.pid, "net"),
  "the host has a network",
);
desk.program("ip", `nsenter --net=/proc/${host.pid}/ns/net ${Bun.which("ip")}`);

for (const chapter of chaptersOf(import.meta.path))
  testTsrun(chapter.heading, () => typeChapter(chapter, desk.typed));

testTsrun("what the page has made it removes", () => {
  assert.equal(readdirSync(desk.directory).sort(), ["bundles", "rootfs"]);
});

test("the typist leaves", async () => {
  const gone = new Promise((resolve) => host.once("exit", resolve));
  host.kill("SIGKILL");
  await gone;
  desk.clear();
});

leavesNothing();
test.run();
