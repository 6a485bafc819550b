/** The commands that a page of docs/callers shows, typed by root. */
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { freshDirectory, runtimePath } from "../harness/environment.ts";
import { below, shapeOf } from "../harness/shown.ts";
import { call, printed } from "./call.ts";
import { INSTALLED } from "./snippets.ts";

/** The name that the pages have for the image of the tests. */
export const SHOWN_IMAGE = "docker.io/library/busybox:stable";

/**
 * A test for each command below a heading, that it prints what the page shows. `adapt` says what this machine wants to be
 * typed instead.
 */
export function testPage(page: string, heading: string, adapt = (command: string) => command): void {
  const programs = freshDirectory("programs");
  symlinkSync(runtimePath, join(programs, "tsrun"));
  for (const { command, output } of below(page, heading).shown)
    test(`${page}: ${command.split("\n")[0]}`, () => {
      const here = adapt(command.replaceAll(INSTALLED, runtimePath));
      const said = printed(call(["sh", "-c", `PATH=${programs}:$PATH\n${here}`]));
      assert.is(shapeOf(said), shapeOf(output));
    });
}
