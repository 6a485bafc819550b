/** Starts a stage that is held, as one is while systemd makes its cgroup, prints its pid, and waits to be killed. */
import { OwnCaller } from "../../../../src/agent/own-caller.ts";
import { Launch } from "../../../../src/container/init/launch.ts";
import { memfdCreate } from "../../../../src/kernel/calls.ts";
import { MFD_CLOEXEC } from "../../../../src/kernel/constants.ts";
import { here } from "../../../../src/kernel/here.ts";

const mailbox = here(memfdCreate("test-mailbox", MFD_CLOEXEC));
const plan = { created: new Set<never>(), joins: [] };
const { stagePid } = new Launch(new OwnCaller(), mailbox, plan, null, { held: true });
console.log(stagePid);
await Bun.sleep(60_000);
