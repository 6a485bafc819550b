import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Contender, type Measure, Samples } from "../../../bench/samples.ts";
import { judge, type Verdict } from "../../../bench/targets.ts";

function judged(
  values: readonly (readonly [Measure, Contender, number])[],
  target: string,
): Verdict | undefined {
  const samples = new Samples();
  for (const value of values) samples.add(...value);
  return judge(samples).find((verdict) => verdict.target === target);
}

test("a tsrun that is served is compared with each peer by the median", () => {
  const measured = [
    ["life", "warm", 9],
    ["life", "warm", 8],
    ["life", "warm", 100],
    ["life", "crun", 10],
    ["life", "runc", 30],
  ] as const;
  const what = "create + start + kill + delete, served, against";
  assert.equal(judged(measured, `${what} crun`), {
    ...{ target: `${what} crun`, limit: "≤ 0.85 ×", actual: "0.90 ×", met: false },
  });
  assert.equal(judged(measured, `${what} runc`), {
    ...{ target: `${what} runc`, limit: "≤ 0.35 ×", actual: "0.30 ×", met: true },
  });
});

test("what was not measured is neither met nor missed", () => {
  const verdict = judged([["exec", "warm", 4]], "exec, served, against crun");
  assert.is(verdict?.actual, null);
  assert.is(verdict?.met, null);
});

test("an older tsrun is compared when there was one", () => {
  const target = "kill, against the old tsrun";
  assert.is(judged([["kill", "tsrun", 10.4]], target), undefined);
  const both = [
    ["kill", "tsrun", 10.4],
    ["kill", "old", 10],
  ] as const;
  assert.equal(judged(both, target), { target, limit: "≤ 1.03 ×", actual: "1.04 ×", met: false });
});

test("the server's memory counts in megabytes", () => {
  const target = "memory of the server, without its binary's pages, idle after 1000 containers";
  const verdict = judged([["server", "warm", 15 * 1024]], target);
  assert.equal(verdict, { target, limit: "≤ 20.0 MB", actual: "15.0 MB", met: true });
});

test.run();
