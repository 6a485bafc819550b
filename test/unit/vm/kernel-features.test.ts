import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Checked, type CheckedFeature, isUpToDate, kernelFeatures } from "../../vm/kernel-features.ts";

function feature(name: string, state: string, more: Partial<CheckedFeature> = {}): CheckedFeature {
  return { area: "mounts", name, title: `the ${name}`, state, config: [], ...more };
}

function checked(kernel: string, ...features: readonly CheckedFeature[]): Checked {
  return { host: { kernel, architecture: "x64" }, lacking: [], features };
}

const OLD = checked(
  "6.9.1",
  feature("one", "works", { config: ["*"] }),
  feature("two", "missing", { why: "fsopen: ENODEV", config: ["mounts[type=a|b]"] }),
);
const NEW = checked(
  "6.10.0",
  feature("one", "works", { config: ["*"] }),
  feature("two", "works", { config: ["mounts[type=a|b]"] }),
  feature("three", "forbidden", { area: "paths", why: "no" }),
);

const row = (document: string, title: string) =>
  document.split("\n").filter((line) => line.startsWith(`| ${title} |`));

test("kernels are columns, the oldest first", () => {
  const document = kernelFeatures([NEW, OLD]);
  assert.match(document, "| feature | 6.9.1 | 6.10.0 | without it, no |\n| --- | --- | --- | --- |");
  assert.match(document, "Linux 6.9.1 (x64) and Linux 6.10.0 (x64)");
});

test("what differs is in bold, and in front once more", () => {
  const document = kernelFeatures([OLD, NEW]);
  const line = "| the two | **missing**: fsopen: ENODEV | **works** | `mounts[type=a\\|b]` |";
  assert.equal(row(document, "the two"), [line, line]);
  assert.ok(document.indexOf(line) < document.indexOf("## Mounts"));
});

test("what is the same everywhere is told once, without emphasis", () => {
  assert.equal(row(kernelFeatures([OLD, NEW]), "the one"), ["| the one | works | works | container |"]);
});

test("a feature that one kernel was not asked about is told as such", () => {
  const [line] = row(kernelFeatures([OLD, NEW]), "the three");
  assert.is(line, "| the three | **not tried** | **forbidden**: no |  |");
});

test("kernels that are alike have no differences, and a single one is not compared", () => {
  assert.match(kernelFeatures([OLD, { ...OLD, host: { ...OLD.host, kernel: "6.9.2" } }]), "There are none.");
  assert.not.match(kernelFeatures([OLD]), "## Differences");
});

test("a document is compared with what its kernels say now, but for reasons", () => {
  const document = kernelFeatures([OLD, NEW]);
  assert.is(isUpToDate(document, [OLD, NEW]), true);
  assert.is(
    isUpToDate(document.replaceAll("fsopen: ENODEV", "fsopen: a|b".replace("|", "\\|")), [OLD, NEW]),
    true,
  );
  const other = { ...NEW, features: NEW.features.map((one) => ({ ...one, state: "works" })) };
  assert.is(isUpToDate(document, [OLD, other]), false);
  assert.is(isUpToDate(document, [OLD, { ...NEW, host: { ...NEW.host, kernel: "6.10.1" } }]), null);
});

test("a long list of what works on all is one sentence", () => {
  const many = Array.from({ length: 20 }, (_, index) => feature(`f${index}`, "works"));
  assert.match(kernelFeatures([checked("1", ...many)]), "On all of them work: the f0, the f1,");
  assert.equal(row(kernelFeatures([checked("1", ...many, feature("x", "missing"))]), "the f0").length, 1);
});

test.run();
