/** Claims about pods, each tried with every runtime on one node, and many at once: most of a pod's life is waiting. */
import { test } from "uvu";
import { type Node, RUNTIMES, type Runtime } from "./node.ts";
import { type Setting, setting } from "./pods.ts";

export interface Claim {
  readonly name: string;
  readonly body: (setting: Setting) => Promise<void>;
}

/** Claims in the words of uvu's `test`. */
export function claims(): {
  readonly claim: (name: string, body: Claim["body"]) => void;
  readonly all: readonly Claim[];
} {
  const all: Claim[] = [];
  return { all, claim: (name, body) => void all.push({ name, body }) };
}

/** CLAIMS=REGEXP tries those alone whose names match, such as `tsrun: exec`. */
const { CLAIMS = "" } = process.env;
const isWanted = (name: string) => new RegExp(CLAIMS).test(name);

/** How many are tried at a time. */
const WIDTH = 8;

/** Adds a test for each claim and runtime. They start at once, and each test waits for its own. */
export function testAll(node: Node, all: readonly Claim[], runtimes: readonly Runtime[] = RUNTIMES): void {
  for (const [name, body] of wanted(node, all, runtimes)) {
    const { promise, resolve } = Promise.withResolvers<unknown>();
    waiting.push(() => body().then(() => resolve(null), resolve));
    test(name, async () => {
      const error = await promise;
      if (error !== null) throw error;
    });
  }
  while (workers < WIDTH && waiting.length > 0) void work();
}

const waiting: (() => Promise<void>)[] = [];
let workers = 0;

async function work(): Promise<void> {
  workers += 1;
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next();
  workers -= 1;
}

/** Adds a test for each claim and runtime, one after the other: they disturb all that is on the node. */
export function testInTurn(node: Node, all: readonly Claim[]): void {
  for (const [name, body] of wanted(node, all, RUNTIMES)) test(name, body);
}

function wanted(
  node: Node,
  all: readonly Claim[],
  runtimes: readonly Runtime[],
): readonly (readonly [name: string, body: () => Promise<void>])[] {
  return all
    .flatMap(({ name, body }) =>
      runtimes.map((one) => [`${one}: ${name}`, () => body(setting(node, one))] as const),
    )
    .filter(([name]) => isWanted(name));
}
