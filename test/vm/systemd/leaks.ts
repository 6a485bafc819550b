import { readdirSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { stateRoot } from "../../harness/environment.ts";
import { leftovers } from "./units.ts";

/** systemd takes a moment to let go of what has ended. */
const TRIES = 50;

/** Adds a file's last test: that systemd has none of its units any more, and the machine none of its cgroups. */
export function nothingIsLeft(): void {
  test("nothing is left behind", async () => {
    for (let tries = 0; tries < TRIES && leftovers().length > 0; tries++) await Bun.sleep(100);
    assert.equal(leftovers(), []);
    assert.equal(readdirSync(stateRoot), []);
  });
}
