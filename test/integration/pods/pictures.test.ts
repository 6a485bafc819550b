// Runs beside other files.
/** Pictures of pods, as a browser shows them. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Page, pictureFor, testBrowser } from "../../harness/browser.ts";
import { type JsonObject, namespaces } from "../../harness/bundle.ts";
import { type Container, started } from "../../harness/container.ts";
import { freshDirectory, isTsrun, testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { runtime, silent } from "../../harness/runtime.ts";

/** What a container may run where its words are shown. */
const MARKUP = `"'><script>document.title='run'</script>]]>&lt;\u202e\u0007`;

function memberOf(sandbox: Container, more: Readonly<Record<string, string>> = {}): JsonObject {
  const path = (file: string) => `/proc/${sandbox.pid()}/ns/${file}`;
  const joined = { network: path("net"), ipc: path("ipc"), uts: path("uts"), ...more };
  return { hostname: undefined, linux: { namespaces: namespaces(joined) } };
}

/** The picture of all containers. */
function drawn(): string {
  const file = join(freshDirectory("picture"), "pods.svg");
  writeFileSync(file, silent(runtime(["list", "--format", "svg"])).stdout);
  return file;
}

/** Texts that lie outside of their card, their bar or the page. */
const MISPLACED = `(() => {
  const svg = document.documentElement, page = svg.getBoundingClientRect();
  const boxes = [...document.querySelectorAll(".frame")].map((one) => one.getBoundingClientRect());
  const cards = [...document.querySelectorAll(".card")].map((one) => one.getBoundingClientRect());
  const within = (one, other) => one.left >= other.left && one.right <= other.right && one.top >= other.top && one.bottom <= other.bottom;
  const bad = [];
  for (const text of document.querySelectorAll("text")) {
    const at = text.getBoundingClientRect();
    const name = text.textContent;
    if (!within(at, page)) bad.push(name + " is outside of the page");
    if (text.closest("g > g") !== null && !cards.some((card) => within(at, card))) bad.push(name + " is outside of its card");
    const bar = text.previousElementSibling;
    if (text.getAttribute("text-anchor") === "middle" && text.getComputedTextLength() > bar.getBBox().width) bad.push(name + " is wider than its bar");
  }
  for (const [index, box] of boxes.entries())
    for (const other of boxes.slice(index + 1))
      if (box.left < other.right && other.left < box.right && box.top < other.bottom && other.top < box.bottom) bad.push("frames overlap");
  return bad;
})()`;

const GROUND = `getComputedStyle(document.querySelector(".page")).fill`;

(isTsrun ? testBrowser : testTsrun)(
  "a picture of pods has its words in their places, light and dark, and asks for nothing",
  async () => {
    using sandbox = started({ args: ["/pause"], hostname: "pod" }, "pause");
    using web = started({
      ...memberOf(sandbox),
      args: ["sh", "-c", "sleep 60; : mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm"],
    });
    using _debug = started({
      ...memberOf(sandbox, { pid: `/proc/${web.pid()}/ns/pid` }),
      args: ["sh", "-c", "sleep 60", MARKUP],
    });
    using _alone = started({ args: ["sleep", "60"] });
    using _other = started({ args: ["sleep", "60"] });
    await using page = await Page.open(drawn());
    assert.equal(await page.value<string[]>(MISPLACED), []);
    const grounds = new Map<string, string>();
    for (const scheme of ["light", "dark"] as const) {
      await page.prefer(scheme);
      grounds.set(scheme, await page.value<string>(GROUND));
      const file = pictureFor(`pods-${scheme}`);
      if (file !== null) await page.picture(file);
    }
    assert.is(grounds.get("light"), "rgb(255, 255, 255)");
    assert.match(grounds.get("dark") ?? "", /^rgb\((\d\d?, ){2}\d\d?\)$/);
    assert.is(await page.value<number>(`document.querySelectorAll("script").length`), 0);
    assert.is(await page.value<number>(`document.querySelectorAll(".frame").length`), 3);
    assert.equal(page.complaints, []);
  },
);

leavesNothing();
test.run();
