/** Asks the criu(8) in PATH for its version and prints the answer; fails if the event loop stands still meanwhile. */
import { serveMany } from "../../../../src/kernel/wait.ts";
import { ask } from "../../../../src/linux/criu/service.ts";
import { Ticks } from "../../../harness/ticks.ts";

serveMany();
using ticks = new Ticks();
const answer = await ask({ type: "version" });
ticks.requireRegular();
console.log(JSON.stringify(answer));
