import { resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import * as layout from "../../../src/agent/layout.ts";
import { testIf } from "../../harness/skip.ts";
import { evaluateInC, HAS_GCC } from "./compile-c.ts";

const HEADER = `"${resolve(import.meta.dir, "../../../src/agent/agent.h")}"`;
const testWithGcc = testIf(HAS_GCC, "needs gcc");

function fields(struct: string, offsets: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(offsets).map(([name, offset]) =>
    name === "size" ? [`sizeof(struct ${struct})`, offset] : [`offsetof(struct ${struct}, ${name})`, offset],
  );
}

function agrees(expected: readonly [string, number][]): void {
  const inC = evaluateInC(
    ["<stddef.h>", HEADER],
    expected.map(([expression]) => expression),
  );
  for (const [expression, value] of expected) assert.is(inC.get(expression), value, expression);
}

testWithGcc("a mailbox's header is laid out alike in C and in TypeScript", () => {
  agrees(fields("mailbox", layout.MAILBOX));
});

testWithGcc("a step is laid out alike in C and in TypeScript", () => {
  agrees(fields("step", layout.STEP));
});

testWithGcc("addresses and the numbers of pseudo steps are alike in C and in TypeScript", () => {
  const { MAILBOX_ADDRESS, MAILBOX_SPAN, STEPS_OFFSET, CLONE, COMPARE, MOVE, TOLERATED, TOLERATE_ALL } =
    layout;
  const numbers = {
    MAILBOX_ADDRESS,
    MAILBOX_SPAN,
    STEPS_OFFSET,
    CLONE,
    COMPARE,
    MOVE,
    TOLERATED,
    TOLERATE_ALL,
  };
  agrees(Object.entries(numbers));
});

test("a parked agent's execution fits into its one page of steps", () => {
  assert.ok(layout.STEP.size * 40 <= 4096);
});

test.run();
