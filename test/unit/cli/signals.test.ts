// Runs beside other files.
import { constants } from "node:os";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { signalNumber } from "../../../src/cli/commands/kill.ts";

test("signals have the numbers of this system", () => {
  for (const [name, number] of Object.entries(constants.signals)) {
    if (name === "SIGUNUSED") continue;
    assert.is(signalNumber(name), number, name);
    assert.is(signalNumber(name.slice(3)), number, name);
    assert.is(signalNumber(`${number}`), number, name);
  }
});

for (const [word, number] of [
  ["RTMIN", 34],
  ["RTMIN+0", 34],
  ["SIGRTMIN+3", 37],
  ["rtmin+15", 49],
  ["RTMAX-14", 50],
  ["RTMIN+30", 64],
  ["sigrtmax", 64],
  ["64", 64],
  ["0", 0],
] as const)
  test(`${word} is signal ${number}`, () => {
    assert.is(signalNumber(word), number);
  });

for (const word of ["RTMIN+31", "RTMAX+1", "TERM+1", "RT", "SIG", "", "65", "RTMIN+", "+3"])
  test(`"${word}" is no signal`, () => {
    assert.throws(() => signalNumber(word), /unknown signal/);
  });

for (const [word, id, instead] of [
  ["-9", "web", /without the dash: 9$/],
  ["web", "KILL", /the container comes first: tsrun kill web KILL$/],
  ["KILLL", "web", /give a number up to 64 or a name/],
] as const)
  test(`kill ${id} ${word} is answered with what to type`, () => {
    assert.throws(() => signalNumber(word, id), instead);
  });

test.run();
