/** The titles of tests, out of their source text. */

/** A title in front of a function: `test("…", () => `, `` testIf(…)(`…`, async () => ``. */
const TITLE =
  /(?:\b(?:test|hostile)\w*|\))\(\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|`((?:[^`\\]|\\.)*)`),\s*(?:async )?\(/g;

/** One expression for each title; what a template puts in may be anything. */
export function titlesIn(source: string): readonly RegExp[] {
  return [...source.matchAll(TITLE)].map(([, double, single, template]) => {
    const fixed = template === undefined ? [double ?? single ?? ""] : template.split(/\$\{[^}]*\}/);
    return new RegExp(`^${fixed.map((text) => escaped(text.replaceAll(/\\(.)/g, "$1"))).join(".*")}$`);
  });
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
