/** Files of the repository to which documents link, as pages of text. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { escaped } from "./page.ts";

/** Where the page of a file or directory of the repository is. */
export const sourcePage = (path: string): string => `source/${path.replace(/\/$/, "")}.html`;

/**
 * A file's lines with their numbers, or the names of a directory's files, each of which has a page that `linkTo`
 * finds. Null where there is no such thing.
 */
export function sourceHtml(project: string, path: string, linkTo: (path: string) => string): string | null {
  const found = statSync(join(project, path), { throwIfNoEntry: false });
  if (found === undefined) return null;
  const heading = `<h1>${escaped(path)}</h1>\n`;
  if (found.isDirectory()) {
    const files = readdirSync(join(project, path), { withFileTypes: true }).filter((one) => one.isFile());
    const names = files.map(({ name }) => name).sort();
    const items = names.map(
      (name) => `<li><a href="${linkTo(join(path, name))}">${escaped(name)}</a></li>\n`,
    );
    return `${heading}<ul>\n${items.join("")}</ul>\n`;
  }
  const lines = readFileSync(join(project, path), "utf8").trimEnd().split("\n");
  const numbered = lines.map((line, index) => `<span id="L${index + 1}">${escaped(line)}</span>`);
  return `${heading}<pre class="source" tabindex="0">${numbered.join("\n")}</pre>\n`;
}
