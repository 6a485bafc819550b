/** Asks the criu(8) in PATH for its version; prints the answer, and for how long the event loop stood still at most. */
import { serveMany } from "../../../../src/kernel/wait.ts";
import { ask } from "../../../../src/linux/criu/service.ts";
import { Ticks } from "../../../harness/ticks.ts";

serveMany();
using ticks = new Ticks();
const answer = await ask({ type: "version" });
console.log(JSON.stringify({ answer, gap: ticks.longestGap }));
