/** The rule of direction, which biome.json holds and `make lint` checks: no layer imports from one above it. */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";

const project = resolve(import.meta.dir, "../..");
const directory = mkdtempSync(join(tmpdir(), "tsrun-direction-"));
test.after(() => rmSync(directory, { recursive: true }));
copyFileSync(join(project, "biome.json"), join(directory, "biome.json"));

/** From the lowest up. */
const LAYERS = [
  "runtime-spec",
  "src/kernel",
  "src/agent",
  "src/dbus",
  "src/linux",
  "src/container",
  "src/image",
  "src/check",
  "src/cli",
];

const pairs = (wanted: (from: number, to: number) => boolean) =>
  LAYERS.flatMap((from, above) =>
    LAYERS.filter((_, below) => wanted(above, below)).map((to) => ({ from, to, file: fileName(from, to) })),
  );

/** Which of these files, each with one line, the linter finds an import in that it must not have. */
function refused(files: ReadonlyMap<string, string>): readonly string[] {
  for (const [name, line] of files) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), `${line}\n`);
  }
  const biome = join(project, "node_modules/.bin/biome");
  const { stdout, stderr, error } = spawnSync(
    biome,
    ["lint", "--only=style/noRestrictedImports", "--max-diagnostics=none", "--colors=off", ...files.keys()],
    { cwd: directory, encoding: "utf8" },
  );
  if (error !== undefined) throw error;
  const found = `${stdout}${stderr}`.matchAll(/^(\S+):\d+:\d+ lint\/style\/noRestrictedImports/gm);
  return [...found].map(([, name = ""]) => name).sort();
}

function fileName(from: string, to: string): string {
  return `${from}/deeper/imports-${to.replace("/", "-")}.ts`;
}

function importLine(from: string, to: string): string {
  const up = from.startsWith("src/") ? "../../../" : "../../";
  return `import { it } from "${up}${to}/it.ts";`;
}

test("a layer imports from itself and those below it", () => {
  const allowed = pairs((from, to) => to < from);
  assert.equal(refused(new Map(allowed.map(({ from, to, file }) => [file, importLine(from, to)]))), []);
});

test("a layer that imports from one above it is refused by the linter", () => {
  const forbidden = pairs((from, to) => to > from);
  const found = refused(new Map(forbidden.map(({ from, to, file }) => [file, importLine(from, to)])));
  assert.equal(found, forbidden.map(({ file }) => file).sort());
});

test("the product imports nothing from rootfs, test or bench", () => {
  const files = LAYERS.flatMap((layer) =>
    ["rootfs", "test", "bench"].map((to) => [fileName(layer, to), importLine(layer, to)] as const),
  );
  assert.equal(refused(new Map(files)), files.map(([file]) => file).sort());
});

for (const [what, line] of [
  ["a type", 'import type { It } from "../linux/it.ts";'],
  ["a name that is exported again", 'export { it } from "../linux/it.ts";'],
  ["a module loaded later", 'export const it = () => import("../linux/it.ts");'],
  ["a module for its effects", 'import "../linux/it.ts";'],
] as const) {
  test(`${what} counts as an import`, () => {
    assert.equal(refused(new Map([["src/kernel/it.ts", line]])), ["src/kernel/it.ts"]);
  });
}

test.run();
