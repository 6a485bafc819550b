// Runs beside other files.
// What is left when a tsrun server is killed before one of its system calls.
import { test } from "uvu";
import { testCompiled } from "../../harness/compile.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { measured } from "../../harness/measured.ts";
import { COMMANDS, eachServerDeath } from "./each-death.ts";

/** Every so many calls; TSRUN_TEST_EVERY=1 takes a quarter of an hour. */
const EVERY = Number(process.env["TSRUN_TEST_EVERY"] ?? 29);

for (const command of COMMANDS)
  testCompiled(`the server may die at any moment of \`${command.name}\``, async () => {
    const calls = await eachServerDeath(command, EVERY);
    measured(`system calls of a server for \`${command.name}\`, some of which were its last`, `${calls}`);
  });

leavesNothing();
test.run();
