import { test } from "uvu";
import * as assert from "uvu/assert";
import { picture } from "../../../bench/picture.ts";
import { Samples } from "../../../bench/samples.ts";

const samples = new Samples();
for (const [contender, value] of [
  ["warm", 5],
  ["crun", 10],
  ["runc", 20],
] as const)
  samples.add("exec", contender, value);
const svg = picture({
  circumstances: ["crun: crun version 1.28.", "3 rounds."],
  notes: [],
  samples,
  verdicts: [],
});

test("a bar is as long as its share of the slowest", () => {
  const length = (name: string) =>
    Number(new RegExp(`class="${name}" [^>]*width="([0-9.]+)"`).exec(svg)?.[1]);
  assert.is(length("warm") / length("runc"), 0.25);
  assert.is(length("crun") / length("runc"), 0.5);
  assert.match(svg, ">5.0 ms<");
});

test("what was not measured has no bar, and a measurement of nobody no heading", () => {
  assert.not.match(svg, 'class="tsrun"');
  assert.not.match(svg, "containerd");
});

test("it names the versions, and needs nothing from elsewhere", () => {
  assert.match(svg, ">crun: crun version 1.28.<");
  assert.not.match(svg.replace("http://www.w3.org/2000/svg", ""), /https?:|href|<script/);
});

test.run();
