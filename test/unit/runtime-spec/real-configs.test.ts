import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseJson } from "../../../runtime-spec/json.ts";
import { validateConfig, validateProcess, validateResources } from "../../../runtime-spec/validate.ts";

const FOLDER = join(import.meta.dirname, "configs");

for (const file of readdirSync(FOLDER)) {
  test(`what a caller wrote is accepted: ${file}`, () => {
    const value = parseJson(readFileSync(join(FOLDER, file), "utf8"), file);
    const { config, problems, warnings } = validateConfig(value);
    assert.equal({ problems, warnings }, { problems: [], warnings: [] });
    assert.equal(validateProcess(config.process).problems, []);
    assert.equal(validateResources(config.linux?.resources ?? {}).problems, []);
  });
}

test("a process alone is judged with paths of its own", () => {
  assert.equal(validateProcess({ cwd: "tmp", args: [] }).problems, [
    { path: "args", message: "must not be empty" },
    { path: "cwd", message: 'must be absolute, found "tmp"' },
  ]);
});

test("resources alone are judged with paths of their own", () => {
  assert.equal(validateResources({ cpu: { quota: 5 } }).problems, [
    { path: "cpu.quota", message: "must be at least 1000 (microseconds), found 5" },
  ]);
});

test.run();
