// Runs beside other files.
// Configs that nobody wrote, right and wrong: each runs, or is refused in words; nothing hangs, crashes or is left.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { randomly, SEED } from "../conformance/arbitrary.ts";
import { aLikelyPatch, aSafeConfig } from "../conformance/runnable.ts";
import { type Bundle, bundle } from "../harness/bundle.ts";
import { freshDirectory, uniqueId } from "../harness/environment.ts";
import { leavesNothing, watchLeaks } from "../harness/leaks.ts";
import { hostile } from "../harness/outside.ts";
import { type Outcome, runtime, succeeded } from "../harness/runtime.ts";

/** What no message may have: a trace, or a value that somebody forgot to put into words. */
const CRASH =
  /\bat .*:\d+:\d+|internal error|panicked|TypeError|ReferenceError|RangeError|SyntaxError|\[object |\bNaN\b/;

/** Asserts that a call ended by itself, and well or with lines that each name what they are about. */
function decent(outcome: Outcome): void {
  const { status, stderr, command } = outcome;
  const said = `${command} ended with ${status ?? outcome.signal}: ${stderr}`;
  assert.is.not(status, null, said);
  assert.not.match(stderr, CRASH, said);
  const lines = stderr.split("\n").filter((line) => line !== "");
  for (const line of lines) assert.match(line, /^(tsrun: (error|warning): |sh: |true: |false: )/, said);
}

/** A runtime's own failure, and not the exit status of the container's program. */
const failed = ({ stderr }: Outcome) => stderr.startsWith("tsrun: error: ");

/** `run` or `create`, `start` and `delete`: whatever happens, nothing is left of it. Returns whether it ran. */
async function tried(made: Bundle, whole: boolean): Promise<boolean> {
  const nothingLeft = watchLeaks();
  const id = uniqueId();
  const first = runtime([whole ? "run" : "create", "--bundle", made.path, id]);
  decent(first);
  if (failed(first)) {
    assert.is.not(first.status, 0);
    await nothingLeft("of what failed");
    return false;
  }
  if (!whole) {
    const start = runtime(["start", id]);
    decent(start);
    if (!failed(start)) decent(runtime(["state", id]));
  }
  succeeded(runtime(["delete", "--force", id]));
  await nothingLeft("of what was deleted");
  return true;
}

const volume = freshDirectory("volume");
const base = bundle().config;

for (const [what, wrong] of [
  ["right", 0],
  ["wrong", 3],
] as const) {
  hostile(`configs of random parts run or are refused (${what} ones, seed ${SEED})`, async () => {
    const property = fc.asyncProperty(aSafeConfig(base, wrong), fc.boolean(), (config, whole) =>
      tried(bundle(config), whole).then(() => undefined),
    );
    await fc.assert(property, randomly(30, 20));
  });
}

hostile(`configs that are likely to run do, or are refused (seed ${SEED})`, async () => {
  let [ran, all] = [0, 0];
  const property = fc.asyncProperty(aLikelyPatch(volume), fc.boolean(), async (patch, whole) => {
    all += 1;
    if (await tried(bundle(patch), whole)) ran += 1;
  });
  await fc.assert(property, randomly(60, 40));
  assert.ok(ran > all / 8, `only ${ran} of ${all} ran`);
});

/** Somewhere in a text, some characters are gone and others there. None of them could make a path absolute. */
const anEdit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  gone: fc.integer({ min: 0, max: 12 }),
  there: fc.oneof(
    fc.constantFrom("{", "}", "[", "]", '"', ",", ":", "\\", "\n", "\0", "null"),
    fc.string({ maxLength: 3 }),
  ),
});

hostile(`a config.json whose text was edited at random runs or is refused (seed ${SEED})`, async () => {
  const property = fc.asyncProperty(fc.array(anEdit, { minLength: 1, maxLength: 2 }), async (edits) => {
    const made = bundle();
    let text = JSON.stringify(base);
    for (const { at, gone, there } of edits) {
      const place = Math.floor(at * text.length);
      text = text.slice(0, place) + there.replaceAll("/", "") + text.slice(place + gone);
    }
    writeFileSync(join(made.path, "config.json"), text);
    await tried(made, true);
  });
  await fc.assert(property, randomly(40, 20));
});

leavesNothing();
test.run();
