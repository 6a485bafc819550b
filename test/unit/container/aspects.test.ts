/** Every property of a process of the container has its row, so that no maker of one can forget it. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { properties } from "../../../runtime-spec/properties.ts";
import { ASPECTS, guestOf, type Subject, setAspects } from "../../../src/container/process/aspects.ts";

/** What no row is about: the program and its terminal. */
const OF_THE_EXECUTION = ["args", "commandLine", "consoleSize", "env", "terminal"];

test("each property of `process` is one row's, or what is executed", () => {
  const rows = ASPECTS.flatMap(({ of }) => of)
    .filter((property) => property.startsWith("process."))
    .map((property) => property.slice("process.".length));
  const all = properties().flatMap((property) => /^process\.(\w+)/.exec(property)?.[1] ?? []);
  assert.equal([...rows, ...OF_THE_EXECUTION].sort(), [...new Set(all)].sort());
});

test("what is set from outside is about the process alone that it is told of", () => {
  const told: string[] = [];
  const scheduling = {
    setFinalAffinity: (pid: number) => told.push(`affinity of ${pid}`),
    setScheduling: (pid: number) => told.push(`schedule of ${pid}`),
  } as unknown as Subject["scheduling"]; // the rows call no more of it
  const subject = { process: { args: ["x"], cwd: "/" }, scheduling } as unknown as Subject;
  setAspects(42, "last", subject);
  assert.equal(told, ["affinity of 42", "schedule of 42"]);
});

test("who joins a container keeps the caller's session keyring where the state names none", () => {
  const own = {} as unknown as Subject; // nothing of it is looked at
  assert.is(guestOf({ keyring: null }, own).keyring, null);
  assert.is(guestOf({} as { keyring: null }, own).keyring, null); // written by an older tsrun
  assert.type(guestOf({ keyring: "_ses.x" }, own).keyring, "function");
});

test.run();
