/** What the documentation, and comments, name in this repository is there: files move, and words about them stay. */
import { readFileSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { Glob } from "bun";
import { test } from "uvu";
import * as assert from "uvu/assert";

const PROJECT = resolve(import.meta.dir, "../../..");
const find = (pattern: string) => [...new Glob(pattern).scanSync({ cwd: PROJECT, onlyFiles: false })];
const text = (file: string) => readFileSync(join(PROJECT, file), "utf8");

const DOCUMENTS = [...find("*.md"), ...find("{docs,rootfs}/**/*.md")];
const SOURCES = [...find("{src,test,bench,rootfs,runtime-spec,docs}/**/*.{ts,c,h,S,mk}"), "Makefile"];
const NAMES = new Set(SOURCES.map((file) => basename(file)));

/** `src/linux/mounts`, `test/vm/*.test.ts`, but not what ends another path, and no word in capitals for any file. */
const PATHS = /(?<![\w./-])(?:src|test|docs)\/[\w.*/-]*[\w*]/g;
const isThere = (path: string) => /\/[A-Z]+(\/|$)/.test(path) || find(path).length > 0;

const missing = (file: string, words: string) =>
  (words.match(PATHS) ?? []).filter((path) => !isThere(path)).map((path) => `${file}: ${path}`);

/** The comments of a source, a line each. */
function comments(file: string): readonly string[] {
  const mark = /\.(ts|c|h|S)$/.test(file) ? /(?:^\s*(?:\/\*|\*|\/\/)|\s\/\/ )(.*)/ : /(?:^|\s)#(.*)/;
  return text(file)
    .split("\n")
    .flatMap((line) => mark.exec(line)?.[1] ?? []);
}

test("each path of sources, tests and documents that a document names exists", () => {
  for (const one of ["README.md", "docs/errors.md", "rootfs/README.md"]) assert.ok(DOCUMENTS.includes(one));
  assert.equal(
    DOCUMENTS.flatMap((file) => missing(file, text(file))),
    [],
  );
});

test("each link of a document leads to a file", () => {
  const broken = DOCUMENTS.flatMap((file) => {
    const links = [...text(file).matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, link = ""]) => link);
    return links
      .filter((link) => find(join(dirname(file), link)).length === 0)
      .map((link) => `${file}: ${link}`);
  });
  assert.equal(broken, []);
});

test("each test that a document names by its kind exists", () => {
  const unknown = DOCUMENTS.flatMap((file) => {
    const named = [...text(file).matchAll(/`((?:unit|integration|callers|vm)\/[\w*/-]+)`/g)];
    return named
      .filter(([, name]) => find(`test/${name}{,.test.ts}`).length === 0)
      .map(([, name]) => `${file}: ${name}`);
  });
  assert.equal(unknown, []);
});

test("each path that a comment names exists", () => {
  assert.equal(
    SOURCES.flatMap((file) => comments(file).flatMap((line) => missing(file, line))),
    [],
  );
});

test("each file that a comment names without its folder exists", () => {
  const unknown = SOURCES.flatMap((file) =>
    comments(file).flatMap((line) => {
      const named = line.match(/(?<![\w./*-])(?:\.\.?\/)*[a-z][\w-]*\.ts\b/g) ?? [];
      return named
        .filter((name) => basename(name) !== "it.ts") // stands for any file
        .filter((name) =>
          name.startsWith(".") ? find(join(dirname(file), name)).length === 0 : !NAMES.has(name),
        )
        .map((name) => `${file}: ${name}`);
    }),
  );
  assert.equal(unknown, []);
});

/** What somebody who knows a runtime looks for. */
const BEHAVIOURS = [
  "`memory.swap`",
  "an option of a mount",
  "masked paths",
  "the order of hooks",
  "the seccomp listener",
  "`delete --force`",
  "`--console-socket`",
  "how `exec` joins a container",
  "the scope of `--systemd-cgroup`",
  "how an error becomes the user's text",
];

test("ten behaviours are each found within two files", () => {
  const [, table = ""] = /^## Where to find it\n(.*?)^## /ms.exec(text("docs/architecture.md")) ?? [];
  const rows = [...table.matchAll(/^\| (.+?) \| (.+?) \|$/gm)].slice(1);
  assert.equal(
    rows.map(([, behaviour]) => behaviour),
    BEHAVIOURS,
  );
  for (const [row, , files = ""] of rows) {
    const paths = files.match(PATHS) ?? [];
    assert.ok(paths.length === 1 || paths.length === 2, row);
    assert.equal(missing("docs/architecture.md", files), []);
  }
});

test.run();
