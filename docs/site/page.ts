/** What is around a page's text: the head, the navigation, the field for a search. */
import { posix } from "node:path";
import { contentsOf, pageOf } from "./contents.ts";
import type { Section } from "./render.ts";

/** A page may load the site's own files and nothing else. */
const POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'";

export interface Page {
  /** Where it is in the site. */
  readonly path: string;
  /** The document that it is made of. */
  readonly source: string;
  readonly title: string;
  readonly html: string;
  readonly sections: readonly Section[];
}

/** The whole page. `sources` are the site's documents. */
export function wholePage(page: Page, sources: readonly string[]): string {
  const to = (path: string) => posix.relative(posix.dirname(page.path), path);
  const title = page.path === "index.html" ? "tsrun" : `${page.title} - tsrun`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escaped(POLICY)}">
<meta name="color-scheme" content="light dark">
<meta name="viewport" content="width=device-width">
<title>${escaped(title)}</title>
<link rel="stylesheet" href="${to("style.css")}">
<script defer src="${to("search.js")}" data-top="${to(".") || "."}"></script>
</head>
<body>
<a class="skip" href="#site-text">To the text</a>
<header>
<a class="name" href="${to("index.html")}">tsrun</a>
<a class="to-contents" href="#site-contents">Contents</a>
<search hidden><input type="search" placeholder="Search ( / )" aria-label="Search" autocomplete="off" spellcheck="false"><ol id="site-found" aria-live="polite"></ol></search>
</header>
<main id="site-text">
${page.html}</main>
<nav id="site-contents" aria-label="Contents">
${contentsOf(sources)
  .map(([group, entries]) => `<h2>${escaped(group)}</h2>\n<ul>\n${entries.map(entry).join("")}</ul>\n`)
  .join("")}</nav>
</body>
</html>
`;

  function entry([source, label]: readonly [string, string]): string {
    if (source !== page.source) return `<li><a href="${to(pageOf(source))}">${escaped(label)}</a></li>\n`;
    const parts = page.sections.filter(({ level }) => level === 2);
    const inner = parts.map(({ id, title }) => `<li><a href="#${id}">${escaped(title)}</a></li>\n`).join("");
    return `<li><a href="#site-text" aria-current="page">${escaped(label)}</a>\n<ul>\n${inner}</ul></li>\n`;
  }
}

const SPECIAL: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export const escaped = (words: string): string => words.replace(/[&<>"']/g, (one) => SPECIAL[one] ?? one);
