// What `make dist` makes: the same bytes in another place, at another time, for another user; and what is in it.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { command } from "../harness/mount.ts";

const project = resolve(import.meta.dir, "../..");
const directory = mkdtempSync(join(tmpdir(), "tsrun-archives-"));
const XZ_LEVEL = "XZ_LEVEL=0"; // as the time would go to that

test.after(() => rmSync(directory, { recursive: true }));

/** The sources, as they are here, in another place. */
function copyTo(place: string): string {
  const copy = join(directory, place);
  mkdirSync(dirname(copy), { recursive: true });
  command("git", "-c", "safe.directory=*", "clone", "--quiet", "--shared", project, copy);
  const sources = command(
    "git",
    "-c",
    "safe.directory=*",
    "-C",
    project,
    "ls-files",
    "-z",
    "--cached",
    "--others",
    "--exclude-standard",
  ).split("\0");
  for (const file of sources.filter(Boolean)) cpSync(join(project, file), join(copy, file));
  cpSync(join(project, "node_modules"), join(copy, "node_modules"), {
    recursive: true,
    verbatimSymlinks: true,
  });
  return copy;
}

function sumsOf(copy: string, env: Readonly<Record<string, string>>): string {
  const make = spawnSync("sh", ["-c", `umask ${env["UMASK"]} && make dist ${XZ_LEVEL}`], {
    ...{ cwd: copy, encoding: "utf8", env: { ...process.env, ...env } },
  });
  assert.is(make.status, 0, make.stderr);
  return readFileSync(join(copy, "build/dist/SHA256SUMS"), "utf8");
}

const first = copyTo("one");

test("two builds in different places, time zones, languages and with another umask give the same bytes", () => {
  const sums = sumsOf(first, { UMASK: "022", TZ: "UTC", LC_ALL: "C" });
  assert.match(sums, / {2}tsrun-.*-linux-x86_64\.tar\.xz\n/);
  assert.match(sums, / {2}tsrun_.*_amd64\.deb\n/);
  const second = copyTo("somewhere/else/altogether");
  const others = sumsOf(second, {
    UMASK: "077",
    TZ: "Asia/Kathmandu",
    LC_ALL: "C.UTF-8",
    HOME: directory,
  });
  assert.is(others, sums);
});

test("the checksums are those of the files, and of all of them", () => {
  const dist = join(first, "build/dist");
  command("sh", "-c", `cd ${dist} && sha256sum --check --strict SHA256SUMS`);
  const sums = readFileSync(join(dist, "SHA256SUMS"), "utf8");
  for (const file of readdirSync(dist)) if (file !== "SHA256SUMS") assert.match(sums, `  ${file}\n`);
});

test("an archive has all that make install brings, below one directory", () => {
  const dist = join(first, "build/dist");
  const archive = readdirSync(dist).find((file) => file.endsWith("x86_64.tar.xz")) ?? "";
  const at = join(directory, "unpacked");
  mkdirSync(at);
  command("tar", "-C", at, "-xf", join(dist, archive));
  const [only = "", ...others] = readdirSync(at);
  assert.equal(others, []);
  const tsrun = join(at, only, "bin/tsrun");
  assert.match(command(tsrun, "--version"), only.replace("-", " version "));
  for (const file of ["LICENSE", "README.md", "share/man/man8/tsrun.8", "lib/systemd/system/tsrun.socket"])
    assert.ok(readFileSync(join(at, only, file)).length > 0, file);
});

test("the bill of materials tells the hashes of the binary and of Bun's archive", () => {
  const dist = join(first, "build/dist");
  const file = readdirSync(dist).find((name) => name.endsWith("x86_64.cdx.json")) ?? "";
  const bom = JSON.parse(readFileSync(join(dist, file), "utf8"));
  assert.is(bom.bomFormat, "CycloneDX");
  const [hash] = command("sha256sum", join(first, "bin/tsrun")).split(" ");
  assert.equal(bom.metadata.component.hashes, [{ alg: "SHA-256", content: hash }]);
  const lock = JSON.parse(readFileSync(join(project, "package-lock.json"), "utf8"));
  const { integrity } = lock.packages["node_modules/@oven/bun-linux-x64"];
  const [bun] = bom.components;
  const sha512 = Buffer.from(bun.hashes[0].content, "hex").toString("base64");
  assert.is(`sha512-${sha512}`, integrity);
  assert.ok(bun.components.some(({ name }: { name: string }) => name === "webkit"));
});

test.run();
