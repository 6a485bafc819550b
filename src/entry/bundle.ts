/**
 * Compiles a program to one binary: `bundle.ts MAIN OUTFILE [TARGET BUN]`, with the BUN of another TARGET. $COMMIT is
 * what version.ts tells.
 *
 * Bun splits a program that uses import() into pieces: modules are in one piece if the same import()s reach them. Each
 * piece takes 0.02 ms to load. But whatever main.ts imports is loaded before any part, so here each part imports it
 * too. Parts that are only loaded after the commands that make processes, or share much with them, import these as well.
 * To run a container takes 9 pieces.
 */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";

const [, , main = "", outfile = "", target, executablePath] = process.argv;
const other =
  executablePath === undefined ? {} : { target: target as Bun.Build.CompileTarget, executablePath }; // from the Makefile
const module = (name: string) => resolve(dirname(main), `${name}.ts`);

const MAKING = module("cli/making-commands");
/** Bytes of source that a part may share with MAKING, and not load all of it: that takes some 2 ms. */
const MOST_SHARED = 16_000;

const scanner = new Bun.Transpiler({ loader: "ts" });

function importsOf(file: string, kind: "import-statement" | "dynamic-import"): readonly string[] {
  const found = scanner.scanImports(readFileSync(file, "utf8"));
  const own = found.filter((one) => one.kind === kind && one.path.endsWith(".ts"));
  return own.map(({ path }) => resolve(dirname(file), path));
}

const imported = (file: string) => importsOf(file, "import-statement");
const parts = (file: string) => importsOf(file, "dynamic-import");

/** The modules that are loaded with a module, not counting those reached only through `except`. */
function reached(from: string, next: (file: string) => readonly string[], except: readonly string[] = []) {
  const found = new Set([from]);
  // Iterating a set also visits what is added meanwhile.
  for (const file of found) for (const one of next(file)) if (!except.includes(one)) found.add(one);
  return found;
}

const everywhere = (file: string) => [...imported(file), ...parts(file)];
const all = [...reached(resolve(main), everywhere)];
const first = reached(resolve(main), imported);
const later = new Set(all.flatMap(parts).filter((part) => !first.has(part)));
const making = all.includes(MAKING) ? reached(MAKING, imported) : first;
const akin = [...later].filter((part) => part !== MAKING && sharedWithMaking(part) > MOST_SHARED);
const beside = reached(resolve(main), everywhere, [MAKING, ...akin]);

function sharedWithMaking(part: string): number {
  const shared = [...reached(part, imported)].filter((file) => making.has(file) && !first.has(file));
  return shared.reduce((bytes, file) => bytes + readFileSync(file).length, 0);
}

/** What is loaded before a part; not main.ts itself, which must not run again. */
function loadedBefore(part: string): readonly string[] {
  const withMaking = part !== MAKING && !beside.has(part);
  return [...imported(resolve(main)), ...(withMaking ? [MAKING] : [])];
}

await Bun.build({
  entrypoints: [main],
  compile: {
    outfile,
    ...other,
    // Otherwise a .env or bunfig.toml in the caller's directory could change what root runs.
    autoloadDotenv: false,
    autoloadBunfig: false,
    jitPolicy: 100,
  },
  define: { TSRUN_COMMIT: JSON.stringify(process.env["COMMIT"]?.trim() ?? "") },
  splitting: true, // what only rare commands need is not loaded by the others
  minify: true,
  bytecode: true,
  format: "esm",
  plugins: [
    {
      name: "parts that rest on what is loaded",
      setup(build) {
        build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
          const before = later.has(path) ? loadedBefore(path) : [];
          const imports = before.map((one) => `import ${JSON.stringify(one)};`).join("");
          return { contents: `${readFileSync(path, "utf8")}\n${imports}`, loader: "ts" };
        });
      },
    },
  ],
});
