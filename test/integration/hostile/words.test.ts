// Runs beside other files.
// Words of a container that runs, where a person's terminal shows them.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Container, container } from "../../harness/container.ts";
import { testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { runtime } from "../../harness/runtime.ts";
import { waitUntil } from "../../harness/wait.ts";

/** What clears a terminal, and what clears it in one character fewer. */
const CLEARS = "\u001b[2J\u009b2J";

/** All but the ends of lines. */
const CONTROL = /(?!\n)\p{Cc}/u;

function shown(box: Container, ...verb: string[]): string {
  const { stdout } = runtime([...verb, box.id]);
  assert.not.match(stdout, CONTROL);
  return stdout;
}

testTsrun("no form of an answer has a character that a terminal obeys", async () => {
  const script = 'mkdir "/tmp/$1"; cd "/tmp/$1"; until false; do sleep 1; done';
  using box = container({ args: ["sh", "-c", script, "sh", CLEARS], root: { readonly: false } });
  box.runDetached();
  const found = () => runtime(["verify", box.id]).stdout;
  await waitUntil(() => found().includes("process.cwd"), "it is in its directory");
  assert.match(shown(box, "verify"), "/tmp/\\u001b[2J\\u009b2J");
  const { findings } = JSON.parse(shown(box, "verify", "--json"));
  assert.is(
    findings.find(({ path }: { readonly path: string }) => path === "process.cwd").found,
    `/tmp/${CLEARS}`,
  );
  const [pod] = JSON.parse(shown(box, "list", "--tree", "--json", "--pod"));
  assert.is(pod.containers[0].command.at(-1), CLEARS);
  for (const format of ["table", "dot", "svg"]) shown(box, "list", "--format", format, "--pod");
  shown(box, "why");
});

leavesNothing();
test.run();
