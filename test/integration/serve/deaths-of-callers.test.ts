// Runs beside other files.
// What is left when the caller of a served command is killed before any of its system calls.
import { test } from "uvu";
import { testCompiled } from "../../harness/compile.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { measured } from "../../harness/measured.ts";
import { COMMANDS, eachClientDeath } from "./each-death.ts";

for (const command of COMMANDS)
  testCompiled(`the caller of a served \`${command.name}\` may die at any moment`, async () => {
    const calls = await eachClientDeath(command);
    measured(`system calls of a served \`${command.name}\`, before which its caller was killed`, `${calls}`);
  });

leavesNothing();
test.run();
