/** tsrun's start: from argv to a command, nothing else at import time; each command brings only what it needs. */
import { run } from "./cli/run-command.ts";
import { OwnSession } from "./cli/session/own-session.ts";
import { exitGroup } from "./kernel/calls.ts";
import { here } from "./kernel/here.ts";

// Ending by the system call saves what Bun would tidy up: 1.5 ms.
here(exitGroup(await run(process.argv.slice(2), new OwnSession())));
