import { test } from "uvu";
import * as assert from "uvu/assert";
import { linesOf } from "../../../runtime-spec/json-lines.ts";

const TEXT = `{
  "process": { "args": ["sh", "-c",
      "echo \\"a, b: [\\""],
    "terminal": true },
  "mounts": [
    { "type": "proc", "options": [] },

    {
      "type": "tmpfs"
    }
  ],
  "linux": { "sysctl": {
    "net.core.somaxconn": "1",
    "kernel": "x" }
  }
}`;

for (const [path, line] of [
  ["", 1],
  ["process", 2],
  ["process.args[0]", 2],
  ["process.args[2]", 3],
  ["process.terminal", 4],
  ["mounts", 5],
  ["mounts[0]", 6],
  ["mounts[0].options", 6],
  ["mounts[1]", 8],
  ["mounts[1].type", 9],
  ['linux.sysctl["net.core.somaxconn"]', 13],
  ["linux.sysctl.kernel", 14],
] as const) {
  test(`${path === "" ? "the whole" : path} is on line ${line}`, () => {
    assert.is(linesOf(TEXT).get(path), line);
  });
}

test("nothing else has a line", () => {
  assert.is(linesOf(TEXT).size, 17);
  assert.is(linesOf("[]").size, 1);
});

test("a property whose value is on another line is where its name is", () => {
  assert.is(linesOf('{ "a":\n1 }').get("a"), 1);
});

test.run();
