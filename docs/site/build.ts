/**
 * Makes pages for a browser of the documentation: `bun docs/site/build.ts [--out build/site]`.
 *
 * They need neither a server nor a network. A link that leads nowhere is an error, and nothing is written then.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, posix, resolve } from "node:path";
import { parseArgs } from "node:util";
import { commandLine } from "./command-line.ts";
import { COMMAND_LINE, pageOf } from "./contents.ts";
import { brokenLinks } from "./links.ts";
import { type Page, wholePage } from "./page.ts";
import { render } from "./render.ts";
import { searchIndex } from "./search-index.ts";
import { sourceHtml, sourcePage } from "./sources.ts";

const PROJECT = resolve(import.meta.dir, "../..");
const find = (pattern: string) => [...new Bun.Glob(pattern).scanSync(PROJECT)].sort();

const { values } = parseArgs({ options: { out: { type: "string", default: join(PROJECT, "build/site") } } });

const sources = [...find("*.md"), ...find("docs/**/*.md"), "rootfs/README.md", COMMAND_LINE];
const pictures = find("docs/*.svg");

/** Files that documents link to, which become pages, too. */
const linked = new Set<string>();

const documents = sources.map(document);
const pages = [...documents, ...sourcePages()];
const files = new Map([
  ...pages.map((page) => [page.path, wholePage(page, sources)] as const),
  ...pictures.map((file) => [basename(file), read(file)] as const),
  ...["style.css", "search.js"].map((file) => [file, read(join("docs/site", file))] as const),
  ["search-index.js", searchIndex(documents)] as const,
]);

const broken = brokenLinks(files);
if (broken.length > 0) {
  for (const { page, link } of broken) {
    const source = pages.find(({ path }) => path === page)?.source;
    console.error(`${source}: the link to ${link} leads nowhere`);
  }
  process.exit(1);
}
write(values.out);

function read(file: string): string {
  return readFileSync(join(PROJECT, file), "utf8");
}

function document(source: string): Page {
  const path = pageOf(source);
  const text = source === COMMAND_LINE ? commandLine() : read(source);
  const { html, sections } = render(text, (link) => linkFrom(source, path, link));
  return { path, source, html, sections, title: sections[0]?.title ?? source };
}

/** Where a document's link leads from its page. */
function linkFrom(source: string, path: string, link: string): string {
  if (/^(#|[a-z]+:)/.test(link)) return link;
  const [file = "", anchor] = link.split("#");
  const target = posix.join(posix.dirname(source), file);
  const hash = anchor === undefined ? "" : `#${anchor}`;
  return posix.relative(posix.dirname(path), pathOf(target)) + hash;
}

function pathOf(target: string): string {
  if (sources.includes(target)) return pageOf(target);
  if (pictures.includes(target)) return basename(target);
  linked.add(target);
  return sourcePage(target);
}

/** A directory's page adds its files to those that are linked, which this loop then comes to. */
function sourcePages(): Page[] {
  const made: Page[] = [];
  for (const source of linked) {
    const path = sourcePage(source);
    const html = sourceHtml(PROJECT, source, (file) => posix.relative(posix.dirname(path), pathOf(file)));
    if (html !== null) made.push({ path, source, html, title: source, sections: [] });
  }
  return made;
}

/** Replaces the directory, in which a page that is there no longer would stay. */
function write(out: string): void {
  rmSync(out, { recursive: true, force: true });
  for (const [path, text] of files) {
    mkdirSync(dirname(join(out, path)), { recursive: true });
    writeFileSync(join(out, path), text);
  }
  console.log(`${documents.length} pages: ${join(out, "index.html")}`);
}
