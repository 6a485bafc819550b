/** No file of the product imports itself by way of others: no type, and nothing that is loaded later either. */
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";

type Imports = ReadonlyMap<string, readonly string[]>;

const project = resolve(import.meta.dir, "../..");

/** The paths that a module names in import and export, also in an `import(…)` of a type or a call. */
function pathsIn(text: string): readonly string[] {
  return [...text.matchAll(/\b(?:from|import)\s*\(?\s*"(\.[^"]+\.ts)"/g)].map(([, path = ""]) => path);
}

/** Which files each file of src and runtime-spec imports. */
function productImports(): Imports {
  const files = [...new Bun.Glob("{src,runtime-spec}/**/*.ts").scanSync(project)].sort();
  return new Map(
    files.map((file) => {
      const text = readFileSync(join(project, file), "utf8");
      return [file, pathsIn(text).map((path) => join(dirname(file), path))];
    }),
  );
}

/** One circle for each file at which a walk comes back to where it has been: `a → b → a`. */
function circlesIn(imports: Imports): readonly string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const walk = (file: string, way: readonly string[]) => {
    if (way.includes(file)) circles.push([...way.slice(way.indexOf(file)), file].join(" → "));
    if (way.includes(file) || done.has(file)) return;
    for (const next of imports.get(file) ?? []) walk(next, [...way, file]);
    done.add(file);
  };
  for (const file of imports.keys()) walk(file, []);
  return circles;
}

test("no file imports itself by way of others", () => {
  assert.equal(circlesIn(productImports()), []);
});

test("a circle is named by the files on it", () => {
  const imports = new Map([
    ["entry", ["a", "c"]],
    ["a", ["b", "c"]],
    ["b", ["a"]],
    ["c", ["c"]],
  ]);
  assert.equal(circlesIn(imports), ["a → b → a", "c → c"]);
});

for (const [what, text] of [
  ["a name", 'import { it } from "./it.ts";'],
  ["names in several lines", 'import {\n  it,\n  that,\n} from "./it.ts";'],
  ["a type", 'import type { It } from "./it.ts";'],
  ["a type in a type", 'type It = typeof import("./it.ts").it;'],
  ["a name that is exported again", 'export { it } from "./it.ts";'],
  ["a module loaded later", 'const { it } = await import("./it.ts");'],
  ["a module for its effects", 'import "./it.ts";'],
] as const) {
  test(`${what} counts as an import`, () => {
    assert.equal(pathsIn(text), ["./it.ts"]);
  });
}

test("every import of the product is of a file there is", () => {
  const imports = productImports();
  const unknown = [...imports].flatMap(([file, paths]) =>
    paths.filter((path) => !imports.has(path)).map((path) => `${file}: ${path}`),
  );
  assert.equal(unknown, []);
});

test.run();
