import { readFileSync } from "node:fs";
import { join } from "node:path";
import { TOML } from "bun";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { INSTALLED, ROOT, snippet, snippets } from "../../callers/snippets.ts";

const PARSERS: Readonly<Record<string, (text: string) => unknown>> = {
  toml: TOML.parse,
  json: JSON.parse,
};

/** What a parsed file has at a path of names. */
function at(parsed: unknown, ...names: readonly string[]): unknown {
  return names.reduce<unknown>(
    (value, name) => (value as Readonly<Record<string, unknown>> | undefined)?.[name], // a table, or nothing
    parsed,
  );
}

test("every example parses as what it says it is", () => {
  const all = [...snippets().values()].flat().filter(({ language }) => language !== "console");
  assert.equal(
    all.map(({ language }) => language),
    ["toml", "toml", "toml", "json", "toml"],
  );
  for (const { language, text } of all) PARSERS[language]?.(text);
});

for (const [heading, version, plugin] of [
  ["containerd 1.6 and 1.7", 2, "io.containerd.grpc.v1.cri"],
  ["containerd 2", 3, "io.containerd.cri.v1.runtime"],
] as const)
  test(`${heading}: a version ${version} file names tsrun's binary`, () => {
    const file = TOML.parse(snippet(heading, "toml"));
    assert.is(at(file, "version"), version);
    const runtime = at(file, "plugins", plugin, "containerd", "runtimes", "tsrun");
    assert.is(at(runtime, "runtime_type"), "io.containerd.runc.v2");
    assert.equal(at(runtime, "options"), {
      BinaryName: INSTALLED,
      Root: ROOT,
      SystemdCgroup: false,
    });
  });

test("README's example for containerd is the page's", () => {
  const readme = readFileSync(join(import.meta.dir, "../../../README.md"), "utf8");
  const [, example = ""] = /^```toml\n(.*?)^```$/ms.exec(readme) ?? [];
  assert.ok(example !== "" && snippet("containerd 1.6 and 1.7", "toml").includes(example));
});

test("CRI-O: the handler has the name that the RuntimeClass of Kubernetes' page asks for", () => {
  const crio = TOML.parse(snippet("CRI-O", "toml"));
  assert.equal(at(crio, "crio", "runtime", "runtimes"), {
    tsrun: { runtime_path: INSTALLED, runtime_type: "oci", runtime_root: ROOT },
  });
  assert.match(
    readFileSync(join(import.meta.dir, "../../../docs/kubernetes.md"), "utf8"),
    /^handler: tsrun$/m,
  );
});

test("podman and docker: the binary has a name", () => {
  const podman = TOML.parse(snippet("podman", "toml"));
  assert.equal(at(podman, "engine", "runtimes", "tsrun"), [INSTALLED]);
  assert.is(at(podman, "engine", "runtime"), "tsrun");
  assert.is(at(JSON.parse(snippet("docker", "json")), "runtimes", "tsrun", "path"), INSTALLED);
});

test.run();
