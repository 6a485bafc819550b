/** A document as HTML, and its sections, which the navigation and the search name. */

export interface Section {
  /** What a link to it has after its `#`. */
  readonly id: string;
  readonly level: number;
  readonly title: string;
  /** All of its words. */
  readonly text: string;
}

interface Rendered {
  readonly html: string;
  /** The first is the document itself. */
  readonly sections: readonly Section[];
}

const HEADING = /<h([1-6])>(.*?)<\/h\1>/gs;

/** `linkOf` says where a link or picture of the document leads in the site. */
export function render(markdown: string, linkOf: (link: string) => string): Rendered {
  const html = Bun.markdown.html(markdown, { autolinks: { url: true } });
  const ids = uniqueIds();
  const headings = [...html.matchAll(HEADING)].map(({ index, 1: level, 2: inner = "" }) => {
    const title = textOf(inner);
    return { index, level: Number(level), title, id: ids(title) };
  });
  const sections = headings.map(({ index, ...heading }, position) => ({
    ...heading,
    text: textOf(html.slice(index, headings[position + 1]?.index)),
  }));
  let position = 0;
  const anchored = html.replace(HEADING, (_, level: string, inner: string) => {
    const id = headings[position++]?.id ?? "";
    return `<h${level} id="${id}">${inner} <a class="anchor" href="#${id}" aria-label="Link to this section">#</a></h${level}>`;
  });
  return { html: adapted(anchored, linkOf), sections };
}

/** What is wide scrolls by itself, and a picture leads to its file, where it can be enlarged. */
function adapted(html: string, linkOf: (link: string) => string): string {
  const wrap = (before: string, after: string) => (element: HTMLRewriterTypes.Element) => {
    element.before(before, { html: true });
    element.after(after, { html: true });
  };
  return new HTMLRewriter()
    .on("a[href]", {
      element: (element) => {
        element.setAttribute("href", linkOf(element.getAttribute("href") ?? ""));
      },
    })
    .on("table", { element: wrap('<div class="scroll" tabindex="0">', "</div>") })
    .on("pre", {
      element: (element) => {
        element.setAttribute("tabindex", "0");
      },
    })
    .on("img", {
      element: (element) => {
        const file = linkOf(element.getAttribute("src") ?? "");
        element.setAttribute("src", file);
        wrap(`<span class="scroll picture"><a href="${file}">`, "</a></span>")(element);
      },
    })
    .transform(html);
}

/** A heading's id is what GitHub makes of it, so that links into the documents work in both places. */
function uniqueIds(): (title: string) => string {
  const taken = new Map<string, number>();
  return (title) => {
    const id = title
      .trim()
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-");
    const before = taken.get(id) ?? 0;
    taken.set(id, before + 1);
    return before === 0 ? id : `${id}-${before}`;
  };
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', amp: "&", "#39": "'" };

/** The words of HTML that came from Markdown. */
const textOf = (html: string): string =>
  html
    .replace(/<\/?(?:code|em|strong|a|del)\b[^>]*>/g, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/&(lt|gt|quot|amp|#39);/g, (_, name: string) => ENTITIES[name] ?? "")
    .replace(/\s+/g, " ")
    .trim();
