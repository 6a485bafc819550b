// Runs beside other files.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundle } from "../../harness/bundle.ts";
import { container } from "../../harness/container.ts";
import { freshDirectory, testTsrun } from "../../harness/environment.ts";
import { leavesNothing } from "../../harness/leaks.ts";
import { complaint, runtime, succeeded } from "../../harness/runtime.ts";
import { SLEEP } from "../hooks/scripts.ts";
import { NOWHERE, readTrace } from "./read-trace.ts";

testTsrun("draw puts the commands of several files on one time axis", () => {
  const directory = freshDirectory("traces");
  using one = container({ args: SLEEP, annotations: { "org.tsrun.trace": directory } });
  one.create();
  one.start();
  const files = ["start", "create"].map((verb) => join(directory, `${one.id}.${verb}.json`));
  const svg = succeeded(runtime(["draw", ...files])).stdout;
  assert.match(svg, new RegExp(`class="name"[^>]*>tsrun create ${one.id}, start ${one.id}<`));
  const both = join(directory, "both.json");
  succeeded(runtime(["draw", "--output", both, ...files]));
  const names = readTrace(both).events.map(({ name }) => name);
  for (const verb of ["create", "start"]) assert.ok(names.includes(`tsrun ${verb} ${one.id}`));
  const page = join(directory, "both.html");
  succeeded(runtime(["draw", "--output", page, both]));
  assert.match(readFileSync(page, "utf8"), /^<!doctype html>/);
});

testTsrun("draw tells what it can't read or write", () => {
  const { path } = bundle();
  const said = (...args: readonly string[]) => complaint(runtime(["draw", ...args]));
  const config = join(path, "config.json");
  assert.match(said(config), /^tsrun: error: \S+config\.json: is not a timeline of tsrun's: name a file/);
  assert.match(
    said(`${NOWHERE}/x.json`),
    /^tsrun: error: draw: \S+\/nowhere\/x\.json: cannot be read: ENOENT/,
  );
  assert.match(said("--output", "pod.png", config), /pod\.png: tsrun draws \*\.svg and \*\.html/);
  const png = join(path, "state.png");
  const refused = complaint(runtime(["state", "nobody"], { global: ["--trace", png] }));
  assert.match(refused, `--trace ${png}: tsrun draws *.svg and *.html`);
  assert.not(existsSync(png));
  const file = join(path, "state.json");
  runtime(["state", "nobody"], { global: ["--trace", file] });
  assert.match(
    said("--output", `${NOWHERE}/x.svg`, file),
    /^tsrun: error: draw: --output \S+\/nowhere\/x\.svg: cannot be written: ENOENT/,
  );
});

leavesNothing();
test.run();
