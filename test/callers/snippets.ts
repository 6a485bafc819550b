/** The examples of docs/callers, which the tests use as they stand there. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";

interface Snippet {
  /** What the fence says: `toml`, `yaml`, `json`, `console`. */
  readonly language: string;
  readonly text: string;
}

const PAGES = resolve(import.meta.dir, "../../docs/callers");
/** Where the pages have tsrun installed. */
export const INSTALLED = "/usr/local/bin/tsrun";
/** And where they have tsrun keep the state of containers. */
export const ROOT = "/run/tsrun";

/** The code blocks below each heading of the pages. */
export function snippets(): ReadonlyMap<string, readonly Snippet[]> {
  const found = new Map<string, Snippet[]>();
  const pages = readdirSync(PAGES)
    .sort()
    .map((name) => readFileSync(join(PAGES, name), "utf8"));
  for (const section of pages.flatMap((page) => page.replace(/^# /, "## ").split(/^## /m).slice(1))) {
    const blocks = [...section.matchAll(/^```(\w+)\n(.*?)^```$/gms)];
    const heading = section.slice(0, section.indexOf("\n"));
    found.set(
      heading,
      blocks.map(([, language = "", text = ""]) => ({ language, text })),
    );
  }
  return found;
}

/** The only snippet of a language below a heading, for a tsrun at this path. */
export function snippet(heading: string, language: string, tsrun = INSTALLED): string {
  const [found, ...more] = (snippets().get(heading) ?? []).filter((one) => one.language === language);
  if (found === undefined || more.length > 0)
    throw new Error(`docs/callers: there must be one ${language} block below "${heading}"`);
  return found.text.replaceAll(INSTALLED, tsrun);
}
