/** How the tests read pages, and what they take for the same output. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { below, commandsIn, shapeOf } from "../../harness/shown.ts";

test("a command has the lines of its here-document or loop, and the rest is output", () => {
  const commands = (heading: string) => below("tutorial.md", heading).shown;
  const loop = commands("Namespaces, one by one").find(({ command }) => command.startsWith("for"));
  assert.match(loop?.command ?? "", /; do\n.*readlink.*\n {2}done$/);
  assert.match(loop?.output ?? "", /^pid:\[\d+\] pid:\[\d+\]\n/);
  const written = commands("An image").find(({ command }) => command.startsWith("cat"));
  assert.match(written?.command ?? "", /<<END\n(.+\n)+END$/);
  assert.is(written?.output, "");
});

test("a command goes on after a backslash, and a user may type it", () => {
  assert.equal(commandsIn("$ echo a \\\n    b\na b\n# true\n"), [
    { command: "echo a \\\n    b", output: "a b\n" },
    { command: "true", output: "" },
  ]);
});

test("a console block without a prompt is a mistake: nobody would type it", () => {
  assert.throws(() => commandsIn("true\n"), /without a prompt: true/);
});

test("numbers, times, sizes and the width of columns may be others, words may not", () => {
  const line = "web    running   12   3 s     1.8 MB   10.0.0.1";
  assert.is(shapeOf(line), shapeOf("web  running  3456   1 min 4 s   980 B   10.99.0.2"));
  assert.is.not(shapeOf(line), shapeOf(line.replace("running", "stopped")));
  assert.is.not(shapeOf("exit status 3"), shapeOf("exit status 4"));
});

test("a process may have another pid, but which is process 1 is known, and whose parent it is", () => {
  const lines = "    1     0 S    sleep\n    7     1 Z    [sleep]\n";
  assert.is(shapeOf(lines), shapeOf(lines.replace(" 7", "12")));
  assert.is(shapeOf(lines), shapeOf(lines.replace("7", "8")));
  assert.is.not(shapeOf(lines), shapeOf(lines.replace(/1 /, "2 ")));
  assert.is.not(shapeOf(lines), shapeOf(lines.replace("1 Z", "0 Z")));
});

test("namespaces may be others, but the same ones stay the same", () => {
  assert.is(shapeOf("net:[4026531833] net:[4026532547]"), shapeOf("net:[10] net:[11]"));
  assert.is.not(shapeOf("net:[4026531833] net:[4026532547]"), shapeOf("net:[10] net:[10]"));
});

test.run();
