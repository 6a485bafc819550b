// Runs beside other files.
/** The documentation's pages, as a browser shows them from a disk. */
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { call } from "../callers/call.ts";
import { Page, pictureFor, testBrowser } from "../harness/browser.ts";
import { freshDirectory, project } from "../harness/environment.ts";
import { leavesNothing } from "../harness/leaks.ts";

/** What `make site` does, of the documents of this directory. */
const build = (directory: string, out: string) =>
  call([process.execPath, join(directory, "docs/site/build.ts"), "--out", out]);

const site = join(freshDirectory("site"), "site");
const built = build(project, site);

const pages = () =>
  ["*.html", "callers/*.html"].flatMap((pattern) => [...new Bun.Glob(pattern).scanSync(site)]);
const TELEPHONE = 360;

test("every document is a page, and every link leads somewhere", () => {
  assert.is(built.status, 0, built.stderr);
  for (const name of new Bun.Glob("**/*.md").scanSync(join(project, "docs")))
    assert.ok(existsSync(join(site, name.replace(".md", ".html"))), name);
  for (const name of [
    "index",
    "changelog",
    "contributing",
    "security-policy",
    "command-line",
    "callers/podman",
  ])
    assert.ok(pages().includes(`${name}.html`), name);
});

test("the pages are the same whenever they are made", () => {
  const again = join(freshDirectory("site"), "site");
  build(project, again);
  const files = [...new Bun.Glob("**").scanSync(site)].sort();
  assert.ok(files.length > 100);
  assert.equal([...new Bun.Glob("**").scanSync(again)].sort(), files);
  for (const file of files)
    assert.is(readFileSync(join(again, file), "utf8"), readFileSync(join(site, file), "utf8"), file);
});

testBrowser("every page is shown without an error or a network, on a telephone too", async () => {
  await using page = await Page.open(join(site, "index.html"));
  for (const name of [...pages(), "source/test/integration/tutorial.test.ts.html"]) {
    await page.width(1280);
    await page.go(join(site, name));
    assert.is(await page.value<number>(`document.querySelectorAll("main h1").length`), 1, name);
    assert.ok(
      await page.value<boolean>(`[...document.images].every(({ naturalWidth }) => naturalWidth > 0)`),
      name,
    );
    await page.width(TELEPHONE);
    assert.equal(await page.value<string[]>(WIDER), [], name);
    assert.equal(page.complaints, [], name);
  }
});

/** What makes a page wider than the screen. */
const WIDER = `(() => {
  if (document.documentElement.scrollWidth <= innerWidth && innerWidth <= ${TELEPHONE}) return [];
  return ["the page is " + document.documentElement.scrollWidth + " wide, the screen " + innerWidth,
    ...[...document.querySelectorAll("body *")]
      .filter((one) => one.getBoundingClientRect().right > ${TELEPHONE} && one.closest("pre, .scroll") === null)
      .map((one) => one.outerHTML.slice(0, 120))];
})()`;

testBrowser("pages are light and dark as the reader likes it", async () => {
  await using page = await Page.open(join(site, "pods.html"));
  const grounds = new Map<string, string>();
  for (const scheme of ["light", "dark"] as const) {
    await page.prefer(scheme);
    grounds.set(scheme, await page.value<string>("getComputedStyle(document.body).backgroundColor"));
    await page.width(TELEPHONE);
    const narrow = pictureFor(`site-${scheme}-narrow`);
    if (narrow !== null) await page.picture(narrow);
    await page.tell("Emulation.clearDeviceMetricsOverride");
    const wide = pictureFor(`site-${scheme}`);
    if (wide !== null) await page.picture(wide);
  }
  assert.is(grounds.get("light"), "rgb(255, 255, 255)");
  assert.match(grounds.get("dark") ?? "", /^rgb\((\d\d?, ){2}\d\d?\)$/);
});

testBrowser("the search finds a property of config.json, by the keyboard alone", async () => {
  await using page = await Page.open(join(site, "source/test/integration/tutorial.test.ts.html"));
  await page.key("/");
  await page.type("maskedpaths");
  await page.until(`document.querySelectorAll("#site-found a").length > 0`);
  const found = await page.value<string[]>(
    `[...document.querySelectorAll("#site-found li")].map(({ textContent }) => textContent)`,
  );
  assert.ok(found.length > 3, found.join("\n"));
  for (const one of found) assert.match(one, /maskedPaths/i);
  const file = pictureFor("site-search");
  if (file !== null) await page.picture(file);
  await page.width(TELEPHONE);
  assert.equal(await page.value<string[]>(WIDER), []);
  const narrow = pictureFor("site-search-narrow");
  if (narrow !== null) await page.picture(narrow);
  const first = await page.value<string>(`document.querySelector("#site-found a").href`);
  await page.key("Enter");
  await page.until(`location.href === ${JSON.stringify(first)} && document.readyState === "complete"`);
  assert.match(
    await page.value<string>(`document.querySelector(":target").parentElement.textContent`),
    /maskedPaths/,
  );
  assert.equal(page.complaints, []);
});

testBrowser("what is not there is not found", async () => {
  await using page = await Page.open(join(site, "index.html"));
  await page.key("/");
  await page.type("<img src=x> nonsense");
  await page.until(`document.querySelectorAll("#site-found li").length > 0`);
  assert.is(await page.value<string>(`document.querySelector("#site-found").textContent`), "Nothing found.");
});

test("a link that leads nowhere is told with its document, and nothing is written", () => {
  const copy = freshDirectory("copy");
  for (const part of ["docs", "rootfs", "src", "runtime-spec"])
    cpSync(join(project, part), join(copy, part), { recursive: true });
  for (const part of ["test", "README.md", "node_modules"])
    symlinkSync(join(project, part), join(copy, part));
  writeFileSync(
    join(copy, "docs/broken.md"),
    "# Broken\n\n[one](pods.md#nowhere), [two](../test/gone.ts), [three](pods.md)\n",
  );
  const out = join(copy, "build");
  const { status, stderr } = build(copy, out);
  assert.is(status, 1);
  assert.match(stderr, /^docs\/broken\.md: the link to pods\.html#nowhere leads nowhere$/m);
  assert.match(stderr, /^docs\/broken\.md: the link to source\/test\/gone\.ts\.html leads nowhere$/m);
  assert.not.match(stderr, /pods\.html leads/);
  assert.not(existsSync(out));
});

leavesNothing();
test.run();
