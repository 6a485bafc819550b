import * as assert from "uvu/assert";
import { watchLeaks } from "../../harness/leaks.ts";
import type { Ended } from "./runtime.ts";

/** The system calls that were tried, by their places. */
const tried = new Set<string>();

/** Those of making a container are the same whoever makes it. */
const known = (place: string) => place.replace(/ < createContainer@.*/, "");

/** Leaves out the system calls of a tsrun that another file tries. */
export function passOver(call: (place: string | null) => Ended): void {
  for (const place of call(null).calls) tried.add(known(place));
}

/** Lets each system call of a tsrun fail once that a first call of it makes. */
export async function eachCall(call: (place: string | null) => Ended): Promise<void> {
  const nothingNew = watchLeaks();
  const { calls, status, stderr } = call(null);
  assert.is(status, 0, stderr);
  for (const place of new Set(calls)) {
    if (tried.has(known(place))) continue;
    tried.add(known(place));
    const { status, stderr } = call(place);
    const words = `after the failure of ${place}\n${stderr}`;
    assert.is.not(status, null, `it hung ${words}`);
    const lines = stderr.split("\n").filter(Boolean).length;
    assert.is(lines, status === 0 ? 0 : 1, `a line when it failed, none when it did not ${words}`);
    await nothingNew(words);
  }
}
