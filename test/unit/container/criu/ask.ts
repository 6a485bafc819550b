/** Asks the criu(8) in PATH for its version and prints the answer; fails if the event loop stands still meanwhile. */
import { OwnCaller } from "../../../../src/agent/own-caller.ts";
import { CriuProcess, findCriu } from "../../../../src/container/criu/criu-process.ts";
import { serveMany } from "../../../../src/kernel/wait.ts";
import { ask } from "../../../../src/linux/criu/service.ts";
import { Ticks } from "../../../harness/ticks.ts";

serveMany();
const caller = new OwnCaller();
using ticks = new Ticks();
await using criu = await CriuProcess.start(findCriu(caller, "ask"), {
  ...{ caller, handed: [], cgroup: null },
  prepare() {},
});
const response = await ask(criu, { type: "version" });
const answer = { response, printed: await criu.end() };
ticks.requireRegular();
console.log(JSON.stringify(answer));
