/** What `--debug` records in one process. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { traced } from "../../../src/container/listing/trace.ts";
import { readText, writeFile } from "../../../src/kernel/files.ts";
import { onBehalfOf, watch } from "../../../src/kernel/here.ts";

const directory = mkdtempSync(join(tmpdir(), "tsrun-trace-"));
test.after(() => rmSync(directory, { recursive: true }));

/** Writes to a file of that name now and then; returns what is told. */
async function written(name: string): Promise<readonly string[]> {
  const lines: string[] = [];
  await traced(
    (line) => lines.push(line),
    async () => {
      for (let round = 0; round < 3; round++) {
        onBehalfOf(name, () => writeFile(join(directory, name), "x"));
        readText(join(directory, name));
        await Bun.sleep(1);
      }
    },
  );
  return lines;
}

test("containers that are made side by side are told apart, and afterwards nobody watches", async () => {
  const both = await Promise.all([written("a"), written("b")]);
  for (const [index, [heading, ...lines]] of both.entries()) {
    const name = index === 0 ? "a" : "b";
    assert.is(heading, `# tsrun: ${name}`);
    assert.match(lines.pop() ?? "", /^# \d+ µs: tsrun worked \d+ µs, waited 0 µs$/);
    assert.is(lines.length, 3, lines.join("\n"));
    for (const line of lines) assert.ok(line.endsWith(`<${join(directory, name)}>, "x", 1) = 1`), line);
  }
  assert.is(watch(null), null);
});

test("what failed is told, too, and the error goes on", async () => {
  const lines: string[] = [];
  const fails = () =>
    traced(
      (line) => lines.push(line),
      async () => {
        writeFile(join(directory, "c"), "x");
        throw new Error("as it happens");
      },
    );
  const error: unknown = await fails().catch((caught: unknown) => caught);
  assert.match(String(error), "as it happens");
  assert.match(lines.join("\n"), /^# tsrun\n.*\/c>, "x", 1\) = 1\n# /);
});

test.run();
