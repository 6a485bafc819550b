import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";

const project = resolve(import.meta.dir, "../..");

/** The project's files that are loaded with these, themselves included, before anything is asked for by import(). */
export function loadedWith(...files: readonly string[]): readonly string[] {
  const scanner = new Bun.Transpiler({ loader: "ts" });
  const loaded = new Set(files);
  for (const file of loaded)
    for (const { path, kind } of scanner.scanImports(readFileSync(join(project, file), "utf8")))
      if (kind === "import-statement" && path.endsWith(".ts")) loaded.add(join(dirname(file), path));
  return [...loaded].sort();
}

/** What every command that makes a container or a process loads, whatever its config.json. */
export const loadedByMaking = () =>
  loadedWith("src/main.ts", "src/cli/making-commands.ts", "src/container/hooks/hooks.ts");
