/** 2,000 containers of one process, 20 side by side, some of which fail in each way that there is. */
import { readdirSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OwnCaller } from "../../../src/agent/own-caller.ts";
import { Store } from "../../../src/container/state/store.ts";
import { serveMany } from "../../../src/kernel/wait.ts";
import { stateRoot, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { allLives, type Life } from "./lives.ts";

const TOTAL = 2000;
const AT_ONCE = 20;
/** How often it is measured, once what is loaded and compiled at first use is there. */
const ROUND = 400;

interface Held {
  readonly descriptors: number;
  readonly mappings: number;
  readonly children: number;
  /** Private memory in KiB, after a collection. */
  readonly memory: number;
  /** Milliseconds for each container. */
  readonly time: number;
}

function held(time: number): Held {
  Bun.gc(true);
  const rollup = readFileSync("/proc/self/smaps_rollup", "utf8");
  const kilobytes = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+)`, "m").exec(rollup)?.[1]);
  return {
    descriptors: readdirSync("/proc/self/fd").length,
    mappings: readFileSync("/proc/self/maps", "utf8").split("\n").length,
    children: readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ").length - 1,
    memory: kilobytes("Private_Clean") + kilobytes("Private_Dirty"),
    time,
  };
}

/** Lets so many containers live, and returns what the process holds after them. */
async function round(store: Store, lives: readonly Life[], first: number): Promise<Held> {
  const began = performance.now();
  const id = uniqueId();
  let next = first;
  const worker = async () => {
    while (next < first + ROUND) {
      const number = next++;
      // Every second one is the plain one.
      const life = number % 2 === 0 ? lives[0] : lives[((number - 1) / 2) % lives.length];
      await life?.(store, `${id}-${number}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return held((performance.now() - began) / ROUND);
}

testTsrun("descriptors, mappings, memory, children and time stay flat over 2,000 containers", async () => {
  serveMany();
  const store = new Store(stateRoot, new OwnCaller());
  const lives = allLives();
  const rounds: Held[] = [];
  for (let done = 0; done < TOTAL; done += ROUND) rounds.push(await round(store, lives, done));
  const [, early, , , late] = rounds;
  const told = JSON.stringify(rounds);
  if (early === undefined || late === undefined) return assert.unreachable(told);
  assert.is(late.descriptors, early.descriptors, told);
  assert.ok(late.mappings <= early.mappings + 20, told);
  assert.is(late.children, 0, told);
  assert.ok(late.memory <= early.memory * 1.15 + 4096, told);
  assert.ok(late.time <= early.time * 1.5, told);
});

leavesNothing();
test.run();
