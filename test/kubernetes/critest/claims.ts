/** critest's tests as the claims of a test file, of tsrun and of runc, with which they are compared. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { call, printed } from "../../callers/call.ts";
import { BRIDGE, type Version } from "../../callers/containerd.ts";
import { watchMachine } from "../../callers/leaks.ts";
import { testIf } from "../../harness/skip.ts";
import type { Outcome } from "./critest.ts";
import { type Exception, exceptions } from "./exceptions.ts";
import { allOutcomes } from "./outcomes.ts";

/** Runs critest with each runtime, on this version of containerd, and makes a test of each of its tests. */
export async function testCritest(version: Version): Promise<void> {
  const atFirst = watchMachine();
  const outcomes = await allOutcomes(version);
  const excepted = exceptions(version);
  for (const [handler, found] of outcomes) for (const outcome of found) testOne(handler, outcome, excepted);
  test("nothing is left of critest's containers", async () => {
    printed(call(["ip", "link", "delete", BRIDGE]));
    await atFirst("of critest's containers");
  });
  test("critest has run the same tests with each runtime", () => {
    const [first = [], ...others] = [...outcomes.values()].map((found) =>
      found.map(({ name }) => name).sort(),
    );
    for (const other of others) assert.equal(other, first);
  });
  test("critest has all tests that are excepted", () => {
    for (const [, found] of outcomes) {
      const names = new Set(found.map(({ name }) => name));
      assert.equal(
        excepted.map((one) => one.test).filter((name) => !names.has(name)),
        [],
      );
    }
  });
}

/** What is excepted is skipped, and must not pass. */
function testOne(handler: string, { name, state, message }: Outcome, excepted: readonly Exception[]): void {
  const exception = excepted.find((one) => one.test === name);
  const isSkipped = exception !== undefined && state !== "passed";
  testIf(!isSkipped, exception?.reason ?? "")(`with ${handler}: ${name}`, () => {
    if (exception?.sometimes === false)
      throw new Error(`it passes, although exceptions.ts says: ${exception.reason}`);
    if (state !== "passed") throw new Error(`critest has ${state} it: ${message}`);
  });
}
