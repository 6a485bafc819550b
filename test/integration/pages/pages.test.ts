// Runs beside other files.
// Needs jq, nsenter.
/** The commands of pages whose chapters stand alone. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Desk, deskWith } from "../../harness/desk.ts";
import { project, testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { chaptersOf, typeChapter } from "../../harness/typists.ts";
import { PODMAN_PROFILE, testX64 } from "../seccomp/answers.ts";
import { BEFORE } from "./before.ts";

const LINKS = { "build/rootfs": "build/rootfs", "build/bundles": "build/bundles" };

/** What the pages have elsewhere on the machine. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "/bin/busybox": join(project, "build/rootfs/busybox/bin/busybox"),
  "/usr/share/containers/seccomp.json": PODMAN_PROFILE,
};

/** Types a command where the desk is /root, and has the directory /srv. */
async function typedAt({ directory, typed }: Desk, command: string): Promise<string> {
  const srv = join(directory, "srv");
  const here = Object.entries({ ...ELSEWHERE, "/srv": srv }).reduce(
    (text, [path, other]) => text.replaceAll(path, other),
    command,
  );
  return (await typed(here)).replaceAll(srv, "/srv").replaceAll(directory, "/root");
}

/** They show numbers of system calls, or a loader's name, as x86-64 has them. */
const ofX64 = [
  "May it make this system call? `tsrun seccomp`",
  "How do I get a shell in an image that has none? `tsrun exec --tools`",
];

const pages = Map.groupBy(chaptersOf(import.meta.path), ({ page }) => page);
for (const [page, chapters] of pages) {
  const desk = deskWith(LINKS);
  mkdirSync(join(desk.directory, "srv"));
  for (const chapter of chapters)
    (ofX64.includes(chapter.heading) ? testX64 : testTsrun)(`${page}: ${chapter.heading}`, async () => {
      const before = BEFORE[chapter.heading] ?? "";
      if (typeof before !== "string") before(desk.directory);
      else assert.is(await typedAt(desk, before), "");
      let exports = "";
      await typeChapter(chapter, (command) => {
        if (command.startsWith("export ")) exports += `${command}\n`;
        return typedAt(desk, `${exports}${command}`);
      });
    });
  test(`${page} is put away`, async () => {
    await typedAt(desk, "for id in $(tsrun list --quiet); do tsrun delete --force $id; done");
    desk.clear();
  });
}

leavesNothing();
test.run();
