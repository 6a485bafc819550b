/** Starts a stage that is held, as one is while systemd makes its cgroup, prints its pid, and waits to be killed. */
import { OwnCaller } from "../../../../src/agent/own-caller.ts";
import { Agent } from "../../../../src/container/init/agent.ts";

const plan = { created: new Set<never>(), joins: [] };
const agent = Agent.start(new OwnCaller(), plan, null, { held: true });
console.log(agent.stagePid);
await Bun.sleep(60_000);
