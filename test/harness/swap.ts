/**
 * `bun swap.ts A B`: exchanges two names, over and over, until it is killed or a limit is reached: for a test
 * that wants a path to change under the runtime's feet. Prints a line once it is at work.
 */
import { CWD, renameat2 } from "../../src/kernel/calls.ts";
import { here } from "../../src/kernel/here.ts";

const RENAME_EXCHANGE = 2;
const LIMIT_MS = 30_000;

const [, , a = "", b = ""] = process.argv;
const exchange = renameat2(CWD, a, CWD, b, RENAME_EXCHANGE);
const deadline = performance.now() + LIMIT_MS;

here(exchange);
console.log("at work");
while (performance.now() < deadline) for (let times = 0; times < 1000; times++) here(exchange);
