/** Real agents of a tsrun that is killed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import { waitUntil } from "../../harness/wait.ts";

test("a stage that is held ends with its tsrun", async () => {
  const script = join(import.meta.dir, "agent/held.ts");
  const tsrun = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
  const [said] = await once(tsrun.stdout, "data");
  tsrun.kill("SIGKILL");
  const stage = Number(String(said));
  const lives = () => existsSync(`/proc/${stage}/exe`); // a zombie has none
  try {
    await waitUntil(() => !lives(), "the stage has ended");
  } finally {
    if (lives()) process.kill(stage, "SIGKILL");
  }
});

test.run();
