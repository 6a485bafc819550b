/** What the pages for a browser are made of; test/integration/site.test.ts looks at them in one. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { commandLine } from "../../../docs/site/command-line.ts";
import { CONTENTS, contentsOf, pageOf } from "../../../docs/site/contents.ts";
import { brokenLinks } from "../../../docs/site/links.ts";
import { render } from "../../../docs/site/render.ts";
import { COMMAND_NAMES, commandEntry } from "../../../src/cli/grammar/table.ts";
import { shownFlags } from "../../../src/cli/help/help.ts";

const same = (link: string) => link;

test("a heading has the anchor that GitHub gives it, and no two have the same", () => {
  const { sections } = render("# What's `--diff` & co.?\n\n## One\n\n## One\n\n## naïve_ID\n", same);
  assert.equal(
    sections.map(({ id }) => id),
    ["whats---diff--co", "one", "one-1", "naïve_id"],
  );
});

test("a section has the words of its text and code, as they are read", () => {
  const { sections } = render(
    "# T\n\na `<b>` & [c](d.md)\n\n## S\n\n```\nx <y\n```\n\n| e | f |\n|---|---|\n| g | h |\n",
    same,
  );
  assert.equal(
    sections.map(({ text }) => text),
    ["T a <b> & c", "S x <y e f g h"],
  );
});

test("links and pictures are told where to lead", () => {
  const { html } = render("[a](b.md#c) ![d](e.svg)", (link) => `x/${link}`);
  assert.match(html, /<a href="x\/b\.md#c">a<\/a>/);
  assert.match(html, /<a href="x\/e\.svg"><img src="x\/e\.svg" alt="d"/);
});

test("a link to no page, or to no place of it, is broken; what is text is no link", () => {
  const files = new Map([
    [
      "a.html",
      '<p id="here"><a href="b/c.html#there">x</a><a href="#here">x</a><a href="https://x.y/z">x</a></p>',
    ],
    [
      "b/c.html",
      '<p id="there">&lt;a href="nowhere"&gt;</p><a href="../a.html">x</a><img src="d.svg"><a href="#gone">x</a>',
    ],
  ]);
  assert.equal(brokenLinks(files), [
    { page: "b/c.html", link: "#gone" },
    { page: "b/c.html", link: "d.svg" },
  ]);
});

test("every command that help shows is on the page of the command line, with its flags", () => {
  const { sections } = render(commandLine(), same);
  for (const name of COMMAND_NAMES.filter((one) => !commandEntry(one).hidden)) {
    const section = sections.find(({ id }) => id === name);
    assert.ok(section, name);
    for (const [flag] of shownFlags(commandEntry(name).flags))
      assert.ok(section?.text.includes(`--${flag}`), `${name} --${flag}`);
  }
});

test("a document that the contents don't name comes last in them", () => {
  const groups = contentsOf(["README.md", "docs/new.md"]);
  assert.equal(groups.at(-1), ["More", [["docs/new.md", "new"]]]);
  assert.equal(
    groups[0]?.[1].map(([source]) => source),
    ["README.md"],
  );
});

test("no two documents have one page", () => {
  const pages = CONTENTS.flatMap(([, entries]) => entries.map(([source]) => pageOf(source)));
  assert.is(new Set(pages).size, pages.length);
});

test.run();
