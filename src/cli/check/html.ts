/** `tsrun check --html`: a page that needs nothing but itself, for a browser or a report. */
import type { BundleFindings, Doubt, HostFindings, Row } from "../../check/check.ts";
import { EVERY_CONTAINER } from "../../check/feature.ts";
import type { Reasons } from "../../serve/ask.ts";
import { oneLine } from "../output/log.ts";
import { bundleConclusion, counts, hostConclusion, isTrouble, machine, service } from "./words.ts";

const STYLE = `
:root { color-scheme: light dark; --line: #ccc; --faint: #666; --works: #176f2c; --missing: #9a5b00; --forbidden: #b3261e }
@media (prefers-color-scheme: dark) {
  :root { --line: #444; --faint: #aaa; --works: #6fcf85; --missing: #e8b25a; --forbidden: #ff8a80 }
}
body { font: 16px/1.45 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem; margin: 0 0 .3rem } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem }
p { margin: .3rem 0 } .faint { color: var(--faint) }
table { border-collapse: collapse; width: 100% }
td { border-top: 1px solid var(--line); padding: .3rem .8rem .3rem 0; vertical-align: top; overflow-wrap: anywhere }
td:first-child { width: 6rem; white-space: nowrap }
.works { color: var(--works) } .missing { color: var(--missing) } .forbidden { color: var(--forbidden) }
.skipped { color: var(--faint) } code { font-size: .9em }
`;

export function hostHtml({ host, rows, lacking }: HostFindings, served: Reasons): string {
  return page(hostConclusion(lacking), [machine(host), counts(rows), service(served)], [...tables(rows)]);
}

export function bundleHtml({ host, bundle, rows, obstacles, warnings }: BundleFindings): string {
  const facts = [`${bundle}, on ${machine(host)}`, `${counts(rows)} of what the bundle needs`];
  return page(bundleConclusion(obstacles), facts, [
    places("What this host cannot honour", obstacles),
    places("What is doubtful on every host", warnings),
    ...tables(rows),
  ]);
}

function page(conclusion: string, facts: readonly string[], sections: readonly string[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>tsrun check: ${escaped(conclusion)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escaped(conclusion)}</h1>
${facts.map((fact) => `<p class="faint">${escaped(fact)}</p>\n`).join("")}${sections.join("")}</body>
</html>
`;
}

/** What doesn't work first, then everything, area by area. */
function* tables(rows: readonly Row[]): Generator<string> {
  const trouble = rows.filter(isTrouble);
  yield table("What does not work", trouble);
  for (const area of new Set(rows.map((row) => row.area.name)))
    yield table(
      area,
      rows.filter((row) => row.area.name === area && !trouble.includes(row)),
    );
}

function table(title: string, rows: readonly Row[]): string {
  return section(title, rows.map(line));
}

function line({ feature, verdict }: Row): string {
  const { state } = verdict;
  const why = state === "works" ? verdict.note : verdict.why;
  const everything = feature.config.includes(EVERY_CONTAINER) ? "any container" : feature.config.join(", ");
  const impossible = state === "works" || state === "skipped" || everything === "" ? [] : [everything];
  return cells(state, [
    `${escaped(feature.title)} <code class="faint">${escaped(feature.name)}</code>`,
    ...(why === undefined ? [] : [`<span class="faint">${escaped(why)}</span>`]),
    ...impossible.map((config) => `<span class="faint">impossible:</span> <code>${escaped(config)}</code>`),
  ]);
}

function places(title: string, doubts: readonly Doubt[]): string {
  const told = doubts.map(({ line, path, why }) =>
    cells(`line ${line}`, [`<code>${escaped(path === "" ? "any container" : path)}</code>`, escaped(why)]),
  );
  return section(title, told);
}

/** Nothing without lines. */
function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : `<h2>${escaped(title)}</h2>\n<table>\n${lines.join("")}</table>\n`;
}

/** A line of a table; a state is a class too. */
function cells(first: string, texts: readonly string[]): string {
  return `<tr><td class="${first.split(" ", 1)[0]}">${first}</td><td>${texts.join("<br>")}</td></tr>\n`;
}

const ENTITIES: { readonly [character: string]: string } = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

const escaped = (text: string): string => oneLine(text).replace(/[&<>"]/g, (one) => ENTITIES[one] ?? one);
