// Runs beside other files.
/** Pictures of timelines, as a browser shows them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Page, pictureFor, testBrowser } from "../../harness/browser.ts";
import { bundle, DEFAULT_MOUNTS, type Patch } from "../../harness/bundle.ts";
import { freshDirectory, testTsrun, uniqueId } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { runtime } from "../../harness/runtime.ts";
import { script } from "../hooks/scripts.ts";

const HOOKS = { createRuntime: [script("sleep 0.01")] };

/** The picture of a run. */
function drawn(name: string, patch: Patch = {}): string {
  const file = join(freshDirectory("picture"), name);
  const { path } = bundle({ args: ["true"], hooks: HOOKS, ...patch });
  runtime(["run", "--bundle", path, uniqueId()], { global: ["--trace", file] });
  return file;
}

/** What a config's author may write where its words are shown. */
const MARKUP = `/x"'><script>document.title='run'</script><img src=x onerror="document.title='run'">`;

const hostile = (): Patch => ({
  mounts: [...DEFAULT_MOUNTS, { destination: MARKUP, type: "tmpfs", source: "tmpfs" }],
});

/** Bars outside of the plot, and labels that are wider than their bar. */
const MISPLACED = `(() => {
  const [left, plot] = [Number(document.querySelector("svg").dataset.left), Number(document.querySelector("svg").dataset.plot)];
  const bad = [];
  for (const group of document.querySelectorAll(".s")) {
    if (group.style.display === "none") continue;
    const { x, width } = group.querySelector("rect").getBBox();
    const label = group.querySelector("text");
    const name = group.dataset.n;
    if (x < left - 1 || x + width > left + plot + 4) bad.push(name + " lies at " + x + " to " + (x + width));
    if (label !== null && label.getComputedTextLength() > width) bad.push(name + " is wider than its bar");
  }
  return bad;
})()`;

const GROUND = `getComputedStyle(document.querySelector(".ground")).fill`;
const TRACKS = `[...document.querySelectorAll(".track-name")].map(({ textContent }) => textContent)`;

for (const name of ["run.svg", "run.html"])
  testBrowser(`${name} is one file: a browser shows it without a network, light and dark`, async () => {
    await using page = await Page.open(drawn(name));
    for (const track of ["tsrun", "stage", "init", "createRuntime[0]"])
      assert.ok((await page.value<string[]>(TRACKS)).includes(track), track);
    assert.equal(await page.value<string[]>(MISPLACED), []);
    const grounds = new Map<string, string>();
    for (const scheme of ["light", "dark"] as const) {
      await page.prefer(scheme);
      grounds.set(scheme, await page.value<string>(GROUND));
      const file = pictureFor(`${name}-${scheme}`);
      if (file !== null) await page.picture(file);
    }
    assert.is(grounds.get("light"), "rgb(255, 255, 255)");
    assert.match(grounds.get("dark") ?? "", /^rgb\((\d\d?, ){2}\d\d?\)$/);
    assert.equal(page.complaints, []);
  });

/** The middle of the widest bar with a name that begins so, on the screen. */
const middleOf = (name: string) => `(() => {
  const boxes = [...document.querySelectorAll(".s")]
    .filter(({ dataset, style }) => dataset.n.startsWith(${JSON.stringify(name)}) && style.display !== "none")
    .map((group) => group.querySelector("rect").getBoundingClientRect());
  const { x, y, width, height } = boxes.sort((a, b) => b.width - a.width)[0];
  return { x: x + width / 2, y: y + height / 2, width };
})()`;

interface Middle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

testBrowser(
  "the page is enlarged by the wheel, a click and keys, and tells what the mouse is on",
  async () => {
    await using page = await Page.open(drawn("run.html"));
    const at = () => page.value<Middle>(middleOf("mounts[0]"));
    const before = await at();
    for (let turn = 0; turn < 24; turn++) await page.wheel(before.x, before.y, -100);
    const enlarged = await at();
    assert.ok(enlarged.width > before.width * 3, `${before.width} to ${enlarged.width}`);
    assert.equal(await page.value<string[]>(MISPLACED), []);
    await page.mouse(enlarged.x, enlarged.y, "mousePressed", "left");
    await page.mouse(enlarged.x, enlarged.y, "mouseReleased", "left");
    assert.ok((await at()).width > 900, "a click shows the span alone");
    const file = pictureFor("enlarged");
    if (file !== null) await page.picture(file);
    const call = await page.value<Middle>(middleOf("fsopen"));
    await page.mouse(call.x, call.y);
    assert.match(
      await page.value<string>("document.querySelector('footer').textContent"),
      /^\$\d+ fsopen\("proc", FSOPEN_CLOEXEC\) = \d+\n.*µs, .* after the beginning\nfor config\.json: mounts\[0\]/,
    );
    await page.key("0");
    assert.ok(Math.abs((await at()).width - before.width) < 0.5, "all is shown again");
    assert.equal(page.complaints, []);
  },
);

testBrowser("what a config says is text in a picture and a page, never markup", async () => {
  for (const name of ["hostile.svg", "hostile.html"]) {
    const file = drawn(name, hostile());
    assert.ok(readFileSync(file, "utf8").includes("onerror"), "the destination is shown");
    await using page = await Page.open(file);
    assert.is(await page.value<number>("document.querySelectorAll('img').length"), 0);
    assert.is.not(await page.value<string>("document.title"), "run");
    assert.equal(page.complaints, []);
  }
});

testBrowser("a failure is red in the picture, with its message", async () => {
  const mounts = [
    ...DEFAULT_MOUNTS,
    { destination: "/x", type: "tmpfs", source: "tmpfs", options: ["szie=1"] },
  ];
  await using page = await Page.open(drawn("failed.svg", { mounts }));
  assert.match(await page.value<string>("document.querySelector('.error').textContent"), /fsconfig.*EINVAL/);
  const red = "getComputedStyle(document.querySelector('.s.failed:not(.phase):not(.property) rect')).fill";
  assert.is(await page.value<string>(red), "rgb(217, 45, 32)");
  const file = pictureFor("failed");
  if (file !== null) await page.picture(file);
  assert.equal(page.complaints, []);
});

testTsrun("an SVG is well-formed, names no other file, and spells calls in tooltips", () => {
  const svg = readFileSync(drawn("run.svg"), "utf8");
  const titles = svg.match(/<title>[^<]*<\/title>/g) ?? [];
  assert.ok(titles.some((title) => title.includes("fsopen(&#34;proc&#34;, FSOPEN_CLOEXEC)")));
  assert.equal(svg.match(/<(script|img|image|use|link|iframe)\b/g), null);
  assert.equal(svg.match(/(href|src)=|url\((?!#hatch\))|@import/g), null);
});

testTsrun("a page may load nothing, and run its own script alone", () => {
  const html = readFileSync(drawn("run.html"), "utf8");
  assert.match(html, /http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;;/);
  assert.is(html.match(/<script/g)?.length, 1);
});

leavesNothing();
test.run();
