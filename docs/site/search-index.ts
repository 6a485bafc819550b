/** What the search looks through, as a script, since a page that was opened from a disk may read no other file. */
import type { Page } from "./page.ts";

/** A list of `[page, title, id, heading, text]`, one for each section; search.js reads it. */
export function searchIndex(pages: readonly Page[]): string {
  const rows = pages.flatMap(({ path, title, sections }) =>
    sections.map((section) => [path, title, section.id, section.title, section.text]),
  );
  return `window.searchIndex = [\n${rows.map((row) => JSON.stringify(row)).join(",\n")}\n];\n`;
}
