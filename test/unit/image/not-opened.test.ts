import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ImageDirectory } from "../../../src/image/files/directory.ts";
import { userOf } from "../../../src/image/image-user.ts";
import { RootTree } from "../../../src/image/layers/root-tree.ts";
import { CWD, close, openat } from "../../../src/kernel/calls.ts";
import { O_DIRECTORY, O_PATH } from "../../../src/kernel/constants.ts";
import { here } from "../../../src/kernel/here.ts";

/** How long somebody who waits for a reader may take to notice one, in milliseconds. */
const MOMENT = 100;

for (const [what, path, look] of [
  ["the list of users", "etc/passwd", (fd: number) => assert.is(userOf("7", new RootTree(fd)).uid, 7)],
  [
    "a blob",
    "blob",
    (fd: number) => assert.throws(() => new ImageDirectory(fd).open("blob"), /regular file/),
  ],
] as const)
  test(`what an image has in place of ${what} is not even opened: a device would notice`, async () => {
    const root = mkdtempSync(join(tmpdir(), "rootfs-"));
    mkdirSync(join(root, "etc"));
    execFileSync("mkfifo", [join(root, path)]);
    let isOpened = false;
    const writer = open(join(root, path), "w").then((file) => {
      isOpened = true;
      return file.close();
    });
    await Bun.sleep(MOMENT);
    const fd = here(openat(CWD, root, O_PATH | O_DIRECTORY));
    look(fd);
    here(close(fd));
    await Bun.sleep(MOMENT);
    assert.not.ok(isOpened);
    await (await open(join(root, path), "r")).close();
    await writer;
    rmSync(root, { recursive: true });
  });

test.run();
