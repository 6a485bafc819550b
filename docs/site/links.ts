/** Whether every link of the site leads to one of its files, and to a place that is there. */
import { posix } from "node:path";

interface Broken {
  readonly page: string;
  readonly link: string;
}

/** The links of all pages that lead nowhere; those to other sites are not asked for. `files` are the site's, by path. */
export function brokenLinks(files: ReadonlyMap<string, string>): readonly Broken[] {
  const pages = [...files].filter(([path]) => path.endsWith(".html"));
  const ids = new Map(pages.map(([path, html]) => [path, new Set(attributes(html, "id"))]));
  return pages.flatMap(([page, html]) =>
    [...new Set([...attributes(html, "href"), ...attributes(html, "src")])]
      .filter((link) => !/^[a-z]+:/.test(link) && !leadsSomewhere(page, link))
      .map((link) => ({ page, link })),
  );

  function leadsSomewhere(page: string, link: string): boolean {
    const [file = "", anchor] = link.split("#");
    const target = file === "" ? page : posix.join(posix.dirname(page), file);
    if (!files.has(target)) return false;
    return anchor === undefined || ids.get(target)?.has(decodeURIComponent(anchor)) === true;
  }
}

/** The values of an attribute, as tags have it: in text, quotation marks and angle brackets are escaped. */
const attributes = (html: string, name: string): string[] =>
  [...html.matchAll(RegExp(`<[a-z][^<>]*? ${name}="([^"]*)"`, "g"))].map(([, value = ""]) => value);
