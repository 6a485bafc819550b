import * as assert from "uvu/assert";
import { watchLeaks } from "../../harness/leaks.ts";
import type { Ended } from "./runtime.ts";

/** The system calls that were tried, by their places: those of making a container are the same whoever makes it. */
const tried = new Set<string>();

/** Lets each system call of a tsrun fail once that a first call of it makes. */
export async function eachCall(call: (place: string | null) => Ended): Promise<void> {
  const nothingNew = watchLeaks();
  const { calls, status, stderr } = call(null);
  assert.is(status, 0, stderr);
  for (const place of new Set(calls)) {
    const inMaking = place.replace(/ < createContainer@.*/, "");
    if (tried.has(inMaking)) continue;
    tried.add(inMaking);
    const { status, stderr } = call(place);
    const words = `after the failure of ${place}\n${stderr}`;
    assert.is.not(status, null, `it hung ${words}`);
    const lines = stderr.split("\n").filter(Boolean).length;
    assert.is(lines, status === 0 ? 0 : 1, `a line when it failed, none when it did not ${words}`);
    await nothingNew(words);
  }
}
