/** The commands that a page of docs/callers shows, typed by root. */
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import { freshDirectory, runtimePath } from "../harness/environment.ts";
import { chaptersOf, typeChapter } from "../harness/typists.ts";
import { call, printed } from "./call.ts";
import { INSTALLED } from "./snippets.ts";

/** The name that the pages have for the image of the tests. */
export const SHOWN_IMAGE = "docker.io/library/busybox:stable";

/** A test for each chapter of the test file at `path`; `adapt` says what this machine wants to be typed instead. */
export function testChapters(path: string, adapt = (command: string) => command): void {
  const programs = freshDirectory("programs");
  symlinkSync(runtimePath, join(programs, "tsrun"));
  const typed = (command: string) => {
    const here = adapt(command.replaceAll(INSTALLED, runtimePath));
    return printed(call(["sh", "-c", `PATH=${programs}:$PATH\n${here}`]));
  };
  for (const chapter of chaptersOf(path))
    test(`${chapter.page}: ${chapter.heading}`, () => typeChapter(chapter, typed));
}
